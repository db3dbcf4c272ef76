// ReadGate: decides for each read level when a read may run, then hands it to the read pool.
//   none          at once, on the state applied here
//   weak          at once, if this node believes to lead
//   linearizable  after a quorum round has proven leadership, and what was committed when it began
//                 is applied here; a follower asks its leader for the round and reads here
//   strong        after a log entry of its own is applied
#pragma once

#include <map>
#include <string>

#include "env/env.h"
#include "node/applier.h"
#include "node/consensus.h"
#include "node/node.h"
#include "node/proposer.h"
#include "node/read_pool.h"
#include "node/remote_reads.h"

namespace lockstep::node {

class ReadGate {
 public:
  ReadGate(env::Env env, Rng rng, std::uint32_t run, Consensus& consensus, Proposer& proposer,
           Applier& applier, ReadPool& pool);

  // See Node::read().
  void read(ReadLevel level, std::string command, Duration wait, AnswerFn done);
  // The index that a linearizable read begun now would have to wait for. Errors as for such a read.
  void ask_index(Duration wait, std::move_only_function<void(Result<LogIndex>)> done);
  void granted(const raft::ReadGranted& granted);
  void refused(const raft::Refused& refused);
  // A follower asks for a round; a leader answers.
  void on_ask(const NodeId& from, const wire::ReadAsk& ask);
  void on_reply(const NodeId& from, const wire::ReadReply& reply) { remote_.on_reply(from, reply); }
  void status_changed() { remote_.status_changed(); }
  // Whether this request id was given here (and so is answered through granted() or refused()).
  [[nodiscard]] bool owns(raft::RequestId id) const { return asked_.contains(id); }

 private:
  using IndexFn = std::move_only_function<void(Result<LogIndex>)>;
  void linearizable(std::string command, Duration wait, AnswerFn done);
  void ask_core(IndexFn done);
  void strong(std::string command, AnswerFn done);
  void run(std::string command, LogIndex raft_index, AnswerFn done);

  env::Env env_;
  Rng rng_;
  Consensus& consensus_;
  Proposer& proposer_;
  Applier& applier_;
  ReadPool& pool_;
  std::map<raft::RequestId, IndexFn> asked_;
  RemoteReads remote_;
  // Read ids are apart from the proposer's.
  raft::RequestId last_id_ = Proposer::kIdLimit;
  Lifeline life_;
};

}  // namespace lockstep::node
