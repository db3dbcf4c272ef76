// RemoteReads: a follower's side of linearizable reads. It asks the leader for a quorum round and
// is told the index to wait for; one ask serves all reads that came before it was sent.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "env/env.h"
#include "node/consensus.h"
#include "node/ticker.h"

namespace lockstep::node {

class RemoteReads {
 public:
  using IndexFn = std::move_only_function<void(Result<LogIndex>)>;

  // `run` differs per start of this node, so that no late answer to an earlier run is taken.
  RemoteReads(env::Env env, std::uint32_t run, Consensus& consensus);

  // The read is linearizable once the index is applied here. no_leader: nobody to ask. not_leader:
  // the leader lost its role. timeout: no answer by `deadline`. busy: too many are waiting.
  void ask(TimePoint deadline, IndexFn done);
  void on_reply(const NodeId& from, const wire::ReadReply& reply);
  // The core's term or leader changed: an answer of the earlier one may never come.
  void status_changed();

 private:
  struct Waiting {
    TimePoint deadline;
    IndexFn done;
  };
  void send();
  void look_after();
  void expire();

  env::Env env_;
  Consensus& consensus_;
  std::uint64_t last_id_;
  std::vector<Waiting> waiting_;  // for the next ask
  std::vector<Waiting> asked_;    // for the answer to last_id_
  NodeId leader_;                 // whom it was sent to
  Ticker asker_;                  // while reads wait
};

}  // namespace lockstep::node
