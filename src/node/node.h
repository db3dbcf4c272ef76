// Node: one member of the cluster, the same code in production and in the simulator. It owns the
// consensus core and drives storage and SQL through lanes; everything it does is a turn.
//
// Life: open() recovers from the disk (synchronously, before any turn), start() begins; destroying
// the node at any moment between turns is legal and is what a crash does.
//
// All member functions are turns. Each `done` is called exactly once, inside the call or in a later
// turn, unless the node is destroyed first; it may call back into the node, but not destroy it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/env.h"
#include "raft/core.h"
#include "sql/database.h"
#include "storage/raft_log.h"
#include "wire/frames.h"

namespace lockstep::node {

struct NodeOptions {
  NodeId self;
  std::string raft_addr;  // advertised "host:port"
  std::string api_addr;   // advertised "http://host:port"
  std::string version;
  // Empty: a new node founds a cluster of its own. Otherwise "host:port" Raft addresses of members
  // to join through; a member finds others there that have moved.
  // (node/joiner.h)
  std::vector<std::string> join;
  // It was told to join, though no address may be known yet (Node::meet()): it founds no cluster by
  // itself, and asks to be let in again if it was removed. Always so if `join` is not empty.
  bool may_join = false;
  unsigned join_attempts = 5;
  Duration join_interval = seconds(3);
  bool voter = true;
  // A new voter founds a cluster together with all nodes that `join` names, if they do likewise and
  // are so many with itself (node/founding.h). 0: it founds none with others. It ends with
  // Errc::timeout if no cluster has formed by then.
  struct Expect {
    std::size_t members = 0;
    Duration patience = seconds(120);
  } expect = {};
  // The name of a cluster that this node may found: 128 bits that nobody has drawn before. Never
  // nil.
  ClusterId new_cluster;
  // Members to go on with after the quorum was lost for good (raft/peers.json); see docs/api.md.
  std::optional<raft::Membership> recover_members = {};
  std::uint64_t seed = 0;  // differs per start

  raft::Options raft;  // `self` is filled in by the node
  storage::LogOptions log;
  sql::DatabaseOptions database;

  // Bounds. What does not fit is refused with Errc::busy.
  std::uint64_t pending_bytes_max = 64u << 20;  // proposals not yet applied
  std::uint64_t pending_reads_max = 65'536;
  // Read lanes that work at once; the rest takes the place of those that are busy with a long read.
  // 0: all of them at once.
  unsigned reads_at_once = 0;
  std::uint64_t batch_bytes_max = 4u << 20;  // one log batch, one apply job
  std::uint64_t batch_entries_max = 1024;
  std::uint64_t cache_bytes_max = 16u << 20;  // entries kept in memory for lagging followers
  // A snapshot (durable point) after so many applied entries, or, with a checkpoint, when the
  // write-ahead file is this long (0: never for that reason). Behind it the log keeps this many
  // entries for slow followers; who needs older ones is sent an image.
  std::uint64_t durable_point_entries = 8192;
  std::uint64_t checkpoint_wal_bytes = 4u << 20;
  std::uint64_t log_keep_entries = 10'240;
  // For a node that takes an image the log is kept until it has caught up, unless as much has been
  // written meanwhile as the image is long, or this many bytes.
  std::uint64_t held_log_bytes_min = 256u << 20;
  // A write-ahead file longer than this ends the long reads and the image transfers that hold it
  // back; at twice the length new writes are refused.
  std::uint64_t wal_bytes_max = 256u << 20;
  std::uint32_t image_piece_bytes = 256u << 10;
  // How long a write waits for its entry to be applied before the answer is "may or may not".
  Duration apply_timeout = seconds(10);
};

enum class ReadLevel { none, weak, linearizable, strong };

struct Answer {
  sql::CommandResult result;
  LogIndex raft_index;  // of the entry; {0} for reads that are not in the log
};
using AnswerFn = std::move_only_function<void(Result<Answer>)>;
using ForwardFn = std::move_only_function<void(Result<wire::ForwardReply>)>;
// Serves a forwarded request: called on the node that received it; must call the function exactly
// once.
using ServeForwardFn =
    std::function<void(wire::Forward, std::move_only_function<void(wire::ForwardReply)>)>;

struct PeerStatus {
  raft::Member member;
  std::string api_addr;  // "" until it is known
  bool reachable = false;
};

// What came to this node and was not for it (node/doorkeeper.h).
struct FramesTurnedAway {
  std::uint64_t malformed = 0;
  std::uint64_t misdirected = 0;
  std::uint64_t foreign = 0;
};

struct NodeStatus {
  NodeId self;
  std::string raft_addr;
  std::string api_addr;
  raft::Role role = raft::Role::follower;
  bool voter = false;
  Term term;
  std::optional<NodeId> leader;
  std::string leader_addr;      // Raft address, "" if unknown
  std::string leader_api_addr;  // "" if unknown
  LogIndex first_index, last_index, commit, applied, durable;
  std::uint64_t wal_bytes = 0;
  bool disk_full = false;  // it takes no writes, and does not lead if it can help it
  bool ready =
      false;  // a leader is known and this node has applied what was committed when it started
  ClusterId cluster;        // nil: none
  bool holds_data = false;  // it belonged to a cluster when it was opened, or does now
  bool removed = false;     // a leader said, in this life, that it is no member any more
  bool recovering = false;  // recover_members are not in the log yet
  // Why it serves nothing; empty if it does.
  std::string out_of_service;
  // What it waits for, in one line; empty if for nothing.
  std::string waits_for;
  FramesTurnedAway turned_away;
  std::optional<Duration> leader_contact_age;
  std::vector<PeerStatus> members;
};

// How a node ends by itself.
struct End {
  enum class Kind : std::uint8_t {
    failed,   // it cannot go on: its storage failed, or it could not join or form a cluster
    reopen,   // to be destroyed and opened again at once: an image waits to become its database
    repair,   // likewise, but its database is damaged: node/repair.h comes first
    removed,  // it was removed from its cluster before it was opened, and was not told to join
  } kind = Kind::failed;
  Error error;
};

class Node {
 public:
  // Recovers from env.disk. Failures: what went wrong with which file, in one line; nothing was
  // damaged. Errc::corrupt: perhaps peers can help (node/repair.h).
  static Result<std::unique_ptr<Node>> open(env::Env env, NodeOptions options);
  ~Node();

  // `serve` answers requests that other nodes forward to this one; `ended` is called once, at most.
  // The owner then destroys the node, not inside the call.
  void start(ServeForwardFn serve, std::function<void(End)> ended);
  // A frame arrived from the network. Malformed ones are dropped and counted.
  void receive(std::string_view frame);

  // Proposes a command (kind execute or request). not_leader, no_leader, busy, refused: certainly
  // not executed. unknown, timeout: may or may not take effect. Only the leader proposes; see
  // forward().
  void write(std::string command, AnswerFn done);
  // Reads at `level` with a command of kind `query`. none: any node, its applied state. weak: the
  // leader by its own belief. linearizable: any node, after a quorum round of the leader. strong:
  // the leader, through the log. Errors as for write(); a read that fails has no effect. `wait`
  // bounds how long linearizable waits for the round and for its index to be applied (timeout).
  void read(ReadLevel level, std::string command, Duration wait, AnswerFn done);
  // As Reader::is_read_only, on a read lane.
  void classify(std::string command, std::move_only_function<void(bool)> done);
  // Sends a client's request to the leader, once. no_leader: not sent. not_leader: the other side
  // certainly did nothing (as is never retried here). unknown: the answer did not come in
  // `timeout`, or leadership moved meanwhile.
  void forward(wire::Forward request, Duration timeout, ForwardFn done);
  // Leader only: adds, replaces or (member empty) removes a member, whatever becomes of the
  // cluster; done once the change is committed. not_leader, invalid (no voter would be left, or the
  // list of members would be too long), timeout and unknown (it may be).
  void change_membership(NodeId id, std::optional<raft::Member> member,
                         std::move_only_function<void(Status)> done);
  // Leader only: removes a member; also a success if it is none, as far as is committed and proven
  // by a read round. refused: of those that would be left no majority answers (unless `force`).
  // Otherwise as above.
  void remove_member(const NodeId& id, bool force, std::move_only_function<void(Status)> done);
  // Other members may be found at these Raft addresses.
  void meet(const std::vector<std::string>& addresses);

  // Leader only: hands leadership to `target`, or to the most up-to-date voter. invalid: no such
  // voter, or none at all. not_leader. busy: a transfer is under way. timeout: it did not come
  // about, and this node leads on.
  void transfer_leadership(std::optional<NodeId> target,
                           std::move_only_function<void(Status)> done);
  // A snapshot now: durable point, checkpoint, and a log that keeps `keep` entries behind it (or as
  // many as usual). False: there was nothing new. no_space, busy.
  void snapshot(std::optional<std::uint64_t> keep,
                std::move_only_function<void(Result<bool>)> done);

  // Ends the reads that are under way and wait, so that the lanes' owner need not wait for them.
  // What they answer is worth nothing: the node's destruction comes next.
  void end_reads();

  [[nodiscard]] NodeStatus status() const;
  // For oracles: the core and, between lane jobs, the database.
  [[nodiscard]] const raft::Core& core() const;
  [[nodiscard]] LogIndex applied() const;

 private:
  struct State;
  explicit Node(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::node
