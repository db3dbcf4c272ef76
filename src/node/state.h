// Node::State: the parts of a node and how they are joined. Construction order is dependency order.
// state.cc: joining them, and what one tells the others; state_frames.cc: what comes from other
// nodes; state_status.cc: what the node says of itself.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "node/applier.h"
#include "node/consensus.h"
#include "node/directory.h"
#include "node/doorkeeper.h"
#include "node/forwarder.h"
#include "node/founding.h"
#include "node/handover.h"
#include "node/image_fetcher.h"
#include "node/image_sender.h"
#include "node/installer.h"
#include "node/joiner.h"
#include "node/membership.h"
#include "node/node.h"
#include "node/proposer.h"
#include "node/read_pool.h"
#include "node/reader.h"
#include "node/readiness.h"
#include "node/snapshotter.h"
#include "node/vigil.h"

namespace lockstep::node {

// What open() found on the disk.
struct Storage {
  std::unique_ptr<storage::VoteFile> vote;
  std::unique_ptr<storage::RaftLog> log;
  std::unique_ptr<sql::Database> database;
  std::vector<std::unique_ptr<sql::Reader>> readers;
  raft::Recovered recovered;
};

struct Node::State {
  State(env::Env env, NodeOptions options, Storage storage);
  void start(ServeForwardFn serve, std::function<void(End)> ended);

  // --- state.cc: what the parts tell each other
  Consensus::Listener consensus_listener();
  Applier::Listener applier_listener();
  std::function<void(Error)> on_failure();
  void accepted(const raft::Accepted& accepted);
  void refused(const raft::Refused& refused);
  void status_changed();
  void space_changed(bool& full, bool space);
  void admit_writes();
  void contradict();
  void change_self(raft::Member member);
  void fail(Error error);
  void end(End end);

  // --- state_frames.cc
  struct FrameVisitor;
  void receive(std::string_view bytes);
  void claimed(ClusterId by);
  void serve_log(const NodeId& from, const wire::LogAsk& ask);

  // --- state_status.cc
  [[nodiscard]] NodeStatus status() const;
  [[nodiscard]] std::vector<PeerStatus> members() const;
  [[nodiscard]] std::string waits_for() const;
  [[nodiscard]] bool is_in_touch() const;
  // This node serves nothing; the error to answer with.
  [[nodiscard]] std::optional<Error> out_of_service() const;

  env::Env env;
  const NodeOptions options;
  const Rng rng;
  const bool is_new;  // belonged to no cluster at start
  std::unique_ptr<storage::VoteFile> vote;
  std::unique_ptr<storage::RaftLog> log;
  std::unique_ptr<sql::Database> database;

  Consensus consensus;
  Proposer proposer;
  Applier applier;
  ReadPool read_pool;
  Snapshotter snapshotter;
  ImageSender images;
  ImageFetcher fetcher;
  Installer installer;
  ReadGate reads;
  Readiness readiness;
  Forwarder forwarder;
  MembershipDesk membership;
  Joiner joiner;
  Founding founding;
  Handover handover;
  Directory directory;
  Doorkeeper doorkeeper;
  Vigil vigil;

  ServeForwardFn serve;
  std::function<void(End)> ended;
  bool failed = false;         // end() was called
  bool log_full = false;       // the disk has no room for the log
  bool database_full = false;  // or for the database
  bool was_leader = false;
  bool contradicted = false;            // by a leader of its own cluster
  bool changes_itself = false;          // its own entry of the membership, as leader
  std::optional<ClusterId> claimed_by;  // the cluster that has a place for it; it founded another
  std::optional<TimePoint> founded_at;  // a cluster of its own, in this life
  std::optional<ElectionHold> hold;     // it takes no part any more
  Lifeline life;
};

}  // namespace lockstep::node
