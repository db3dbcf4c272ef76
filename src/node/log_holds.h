// LogHolds: for whom the log is kept. Whoever takes an image of index N needs the log above N
// afterwards: if that is gone by then, the image was in vain, and so will be the next one. So the
// log is held from the moment a node is told of an image until it has caught up, however long it
// takes for fetching, installing and starting; not only while pieces are asked for.
//
// What ends a hold otherwise: nothing was heard of the node for kSilentMax; the leader knows that
// it is no member; or the log that was written meanwhile is as long as the image, for then the next
// image costs no more than the log. A node that gives images without leading does not see how far
// they got: there the silence decides.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "env/env.h"
#include "node/consensus.h"
#include "node/overdue.h"

namespace lockstep::node {

class LogHolds {
 public:
  // `log_bytes_min`: so much log is held in any case, however short the image is.
  LogHolds(env::Env env, std::uint64_t log_bytes_min, const Consensus& consensus);

  // `node` was told of an image of `image_bytes` that stands at `at`. Bounded: of too many, the one
  // that was heard of longest ago is forgotten.
  void hold(const NodeId& node, LogIndex at, std::uint64_t image_bytes);
  // It asked for a piece.
  void heard_of(const NodeId& node);
  // Time passed: lets go of what is not needed any more. To be called again and again while any.
  void look();
  void let_go_of_all() { holds_.clear(); }
  // The log keeps what is above; empty: nobody needs it.
  [[nodiscard]] std::optional<LogIndex> lowest() const;
  [[nodiscard]] bool any() const { return !holds_.empty(); }

 private:
  struct Hold {
    LogIndex above;          // the image's index, then what the node is known to hold
    LogIndex commit_before;  // at the last look: whoever holds this by now has caught up
    TimePoint told_at;
    TimePoint heard_at;
    std::uint64_t written_end = 0;  // of Consensus::log_bytes_written()
  };
  bool is_over(const NodeId& node, Hold& hold) const;

  env::Env env_;
  const std::uint64_t log_bytes_min_;
  const Consensus& consensus_;
  std::map<NodeId, Hold> holds_;
  Overdue overdue_;
};

}  // namespace lockstep::node
