#include "base/bugs.h"

#include <array>

namespace lockstep {
namespace {

struct Row {
  Bug bug;
  std::string_view name;
  std::string_view story;
};

constexpr std::array kRows{
    Row{Bug::commit_older_term, "commit_older_term",
        "M1  commit by counting replicas of an older term"},
    Row{Bug::vote_not_persisted, "vote_not_persisted", "M2  term and vote are never written"},
    Row{Bug::vote_before_sync, "vote_before_sync", "M3  vote reply sent before it is durable"},
    Row{Bug::append_ack_before_sync, "append_ack_before_sync",
        "M4  append acknowledged before it is durable"},
    Row{Bug::leader_counts_unsynced, "leader_counts_unsynced",
        "M5  leader counts itself before its own sync"},
    Row{Bug::truncate_matching, "truncate_matching",
        "M6  follower truncates matching entries on an old append"},
    Row{Bug::keep_conflicting_tail, "keep_conflicting_tail",
        "M7  follower keeps a conflicting tail"},
    Row{Bug::vote_by_index_only, "vote_by_index_only",
        "M9  election rule compares the index alone"},
    Row{Bug::stale_vote_counted, "stale_vote_counted", "M10 a vote of an older term is counted"},
    Row{Bug::pre_vote_frees_vote, "pre_vote_frees_vote",
        "M11 a granted pre-vote makes the voter forget its vote"},
    Row{Bug::read_without_quorum, "read_without_quorum",
        "M13 linearizable read without a quorum round"},
    Row{Bug::read_before_own_commit, "read_before_own_commit",
        "M14 read index before an entry of this term is committed"},
    Row{Bug::change_before_own_commit, "change_before_own_commit",
        "M18 membership change before an own-term commit"},
    Row{Bug::config_on_commit_only, "config_on_commit_only",
        "M19 configuration used only once committed"},
    Row{Bug::reset_removes_log_first, "reset_removes_log_first",
        "M23 a log reset removes the old log before the new one is durable"},
    Row{Bug::applied_apart_from_data, "applied_apart_from_data",
        "M25 applied index stored apart from the data"},
    Row{Bug::failed_but_proposed, "failed_but_proposed",
        "M28 client told 'failed' for a write that may commit"},
    Row{Bug::random_not_seeded, "random_not_seeded", "M29 SQL random() differs between replicas"},
    Row{Bug::torn_tail_accepted, "torn_tail_accepted", "M30 torn tail batch accepted"},
    Row{Bug::middle_corruption_cut, "middle_corruption_cut",
        "M31 bad batch in the middle taken for the end of the log"},
    Row{Bug::lost_change_not_covered, "lost_change_not_covered",
        "    a log that lost a membership change is beyond an image's help"},
    Row{Bug::sync_error_ignored, "sync_error_ignored", "M32 a failed sync is taken for done"},
    Row{Bug::learner_counted, "learner_counted", "M39 commit counts a member that does not vote"},
    Row{Bug::compact_above_durable, "compact_above_durable",
        "M44 the log forgets entries above the durable index of the database"},
    Row{Bug::vote_after_lost_disk, "vote_after_lost_disk",
        "    a member that lost its disk votes as if it had not"},
    Row{Bug::ack_of_lost_disk, "ack_of_lost_disk",
        "    what a member acknowledged before it lost its disk counts for the one that replaces "
        "it"},
    Row{Bug::wal_not_synced, "wal_not_synced",
        "    durable point without a sync of the write-ahead log"},
    Row{Bug::main_not_synced, "main_not_synced",
        "    checkpoint complete without a sync of the main file"},
    Row{Bug::partial_checkpoint_done, "partial_checkpoint_done",
        "    a checkpoint that readers made partial is taken for complete"},
    Row{Bug::install_without_sync, "install_without_sync",
        "M23 an image is installed before its files are durable"},
    Row{Bug::image_label_of_file, "image_label_of_file",
        "    an image is as long as its file, though a full disk cut a page off"},
    Row{Bug::log_let_go_with_image, "log_let_go_with_image",
        "    the log above an image is kept only while pieces are asked for"},
    Row{Bug::repair_timer_lost, "repair_timer_lost",
        "    a repair asks no more once its timer has met a job under way"},
    Row{Bug::page_sums_ignored, "page_sums_ignored",
        "    a page that does not match its checksum is served"},
    Row{Bug::sums_after_manifest, "sums_after_manifest",
        "    page checksums synced after the manifest that names them"},
    Row{Bug::ack_before_commit, "ack_before_commit",
        "M48 write acknowledged before it is committed"},
    Row{Bug::forward_retried, "forward_retried", "M49 a forwarded write is sent twice"},
    Row{Bug::dirty_read, "dirty_read", "    reads see entries that are not committed yet"},
    Row{Bug::foreign_frames_believed, "foreign_frames_believed",
        "    a frame of another cluster is taken for one of the own"},
    Row{Bug::stale_leader_admits, "stale_leader_admits",
        "    a node is let in by one that has not proven that it leads"},
    Row{Bug::removed_is_promoted, "removed_is_promoted",
        "    a promotion that waits makes a removed node a voter"},
    Row{Bug::removal_from_belief, "removal_from_belief",
        "    'removed' is answered from a membership that is not committed"},
    Row{Bug::lost_tail_ignored, "lost_tail_ignored",
        "    a member that lost what it had acknowledged is refused for ever, and counts"},
    Row{Bug::answers_by_membership, "answers_by_membership",
        "    answers go to the address that the log knows, not to where the question came from"},
    Row{Bug::promotion_forgotten, "promotion_forgotten",
        "    a joiner stops asking once it sees itself a voter, committed or not"},
    Row{Bug::held_elections_leak, "held_elections_leak",
        "    a founder that hears a leader never calls an election again"},
    Row{Bug::hung_disk_leads, "hung_disk_leads", "    a leader whose disk hangs leads on"},
    Row{Bug::ready_before_voter, "ready_before_voter",
        "    a joiner says ready before it is the voter it asked to be"},
    Row{Bug::ready_behind_image, "ready_behind_image",
        "    a node says ready once it has applied what its image held"},
};

}  // namespace

std::string_view bug_name(Bug bug) {
  for (const auto& row : kRows)
    if (row.bug == bug) return row.name;
  return "none";
}

std::optional<Bug> bug_from_name(std::string_view name) {
  for (const auto& row : kRows)
    if (row.name == name) return row.bug;
  return std::nullopt;
}

std::string_view bug_story(Bug bug) {
  for (const auto& row : kRows)
    if (row.bug == bug) return row.story;
  return "";
}

std::vector<Bug> all_bugs() {
  std::vector<Bug> bugs;
  for (const auto& row : kRows) bugs.push_back(row.bug);
  return bugs;
}

#ifdef LOCKSTEP_SIMULATION
namespace {
Bug switched_on = Bug::none;
}
void switch_bug_on(Bug bug) {
  switched_on = bug;
}
bool bug_is_on(Bug bug) {
  return switched_on == bug;
}
#endif

}  // namespace lockstep
