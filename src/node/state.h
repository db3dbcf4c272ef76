// Node::State: the parts of a node and how they are joined. Construction order is dependency order.
#pragma once

#include <memory>

#include "node/applier.h"
#include "node/consensus.h"
#include "node/directory.h"
#include "node/forwarder.h"
#include "node/founding.h"
#include "node/handover.h"
#include "node/image_fetcher.h"
#include "node/image_sender.h"
#include "node/membership.h"
#include "node/node.h"
#include "node/proposer.h"
#include "node/read_pool.h"
#include "node/reader.h"
#include "node/snapshotter.h"

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
  void receive(wire::Frame frame);
  void status_changed();
  void fail(Error error);
  void end(End end);
  void space_changed(bool& full, bool space);
  void admit_writes();
  void image_fetched(Result<ImageFetcher::Fetched> fetched);
  void install(ImageFetcher::Fetched fetched);
  void serve_log(const NodeId& from, const wire::LogAsk& ask);
  void accepted(const raft::Accepted& accepted);
  void refused(const raft::Refused& refused);
  void update_caught_up();
  [[nodiscard]] NodeStatus status() const;

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
  ReadGate reads;
  Forwarder forwarder;
  MembershipDesk membership;
  Founding founding;
  Handover handover;
  Directory directory;

  ServeForwardFn serve;
  std::function<void(End)> ended;
  bool failed = false;  // end() was called
  bool installing = false;
  bool log_full = false;       // the disk has no room for the log
  bool database_full = false;  // or for the database
  bool caught_up = false;      // once: a leader was known, and all it had committed was applied
  bool was_leader = false;
  Lifeline life;
};

}  // namespace lockstep::node
