// Known bugs that the simulator must be able to find (--bug NAME). Each stands at the line where
// the real bug would be: `if (LOCKSTEP_BUG(commit_older_term) || ...)`. They exist in simulation
// builds only (LOCKSTEP_SIMULATION); in production the macro is the constant false and the branch
// is compiled away. This is the one deliberate global below host/: set before a run starts, never
// during it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace lockstep {

// Numbers M.. are those of the gallery in docs/simulator.md.
enum class Bug {
  none,
  commit_older_term,         // M1  commit by counting replicas of an older term
  vote_not_persisted,        // M2  term and vote never written
  vote_before_sync,          // M3  vote reply sent before it is durable
  append_ack_before_sync,    // M4  append acknowledged before it is durable
  leader_counts_unsynced,    // M5  leader counts itself before its own sync
  truncate_matching,         // M6  follower truncates matching entries on an old append
  keep_conflicting_tail,     // M7  follower keeps a conflicting tail
  vote_by_index_only,        // M9  election rule compares the index alone
  stale_vote_counted,        // M10 a vote of an older term is counted
  pre_vote_frees_vote,       // M11 a granted pre-vote makes the voter forget its vote
  read_without_quorum,       // M13 linearizable read without a quorum round
  read_before_own_commit,    // M14 read index before an entry of this term is committed
  change_before_own_commit,  // M18 membership change before an own-term commit
  config_on_commit_only,     // M19 configuration used only once committed
  reset_removes_log_first,   // M23 a log reset removes the old log before the new one is durable
  applied_apart_from_data,   // M25 applied index stored apart from the data
  failed_but_proposed,       // M28 client told "failed" for a write that may commit
  random_not_seeded,         // M29 SQL random() not the same on every replica
  torn_tail_accepted,        // M30 torn tail batch accepted
  middle_corruption_cut,     // M31 bad batch in the middle taken for the end of the log
  lost_change_not_covered,   // a log that lost a membership change is beyond an image's help
  sync_error_ignored,        // M32 a failed sync is taken for done
  learner_counted,           // M39 commit counts a member that does not vote
  compact_above_durable,     // M44 the log forgets entries above the durable database index
  vote_after_lost_disk,      // a member that lost its disk votes as if it had not
  ack_of_lost_disk,  // what a member acknowledged before it lost its disk counts for its successor
  wal_not_synced,    // durable point without a WAL sync
  main_not_synced,   // checkpoint complete without a sync of the main file
  partial_checkpoint_done,  // a checkpoint that readers made partial is taken for complete
  install_without_sync,     // M23 an image is installed before its files are durable
  image_label_of_file,      // an image is as long as its file, though a full disk cut a page off
  log_let_go_with_image,    // the log above an image is kept only while pieces are asked for
  repair_timer_lost,        // a repair asks no more once its timer has met a job under way
  page_sums_ignored,        // a page that does not match its checksum is served
  sums_after_manifest,      // page checksums synced after the manifest that names them
  ack_before_commit,        // M48 write acknowledged before it is committed
  forward_retried,          // M49 a forwarded write is sent twice
  dirty_read,               // `none` reads see the apply transaction before it commits
  foreign_frames_believed,  // a frame of another cluster is taken for one of the own
  stale_leader_admits,      // a node is let in by one that has not proven that it leads
  removed_is_promoted,    // a promotion that waits does not ask whether its node is a member still
  removal_from_belief,    // "removed" is answered from a membership that is not committed
  lost_tail_ignored,      // a member that lost what it acknowledged is refused for ever, and counts
  answers_by_membership,  // answers go to the address that the log knows, not whence they came
  promotion_forgotten,    // a joiner stops asking when it sees itself a voter, committed or not
  held_elections_leak,    // a founder that hears a leader never calls an election again
  hung_disk_leads,        // a leader whose disk hangs leads on
  ready_before_voter,     // a joiner is ready before it is the member it asked to be
  ready_behind_image,     // ready is who has applied what the image held
};

// The bug's name as --bug takes it, e.g. "commit_older_term"; and back.
std::string_view bug_name(Bug bug);
std::optional<Bug> bug_from_name(std::string_view name);
// One line for --list-bugs: "M1  commit by counting ...".
std::string_view bug_story(Bug bug);
// All bugs but `none`, in declaration order.
std::vector<Bug> all_bugs();

#ifdef LOCKSTEP_SIMULATION
void switch_bug_on(Bug bug);  // `none` switches off
bool bug_is_on(Bug bug);
#define LOCKSTEP_BUG(name) (::lockstep::bug_is_on(::lockstep::Bug::name))
#else
#define LOCKSTEP_BUG(name) false
#endif

}  // namespace lockstep
