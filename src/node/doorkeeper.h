// Doorkeeper: which frames are for this node. Names and addresses are given by people, and given
// twice: a node of another cluster may have the same id and speak to the same address. What is not
// for this node is dropped and counted, and the log names it now and then.
//
// Turns.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/log.h"
#include "env/env.h"
#include "wire/frames.h"

namespace lockstep::node {

class Doorkeeper {
 public:
  struct Counts {
    std::uint64_t malformed = 0;    // no frame, or of another format version
    std::uint64_t misdirected = 0;  // for another node id
    std::uint64_t foreign = 0;      // of another cluster
    friend bool operator==(const Counts&, const Counts&) = default;
  };
  // What this node knows of itself.
  struct Self {
    const NodeId& id;
    ClusterId cluster;                // nil: none yet
    const raft::Membership& members;  // in force; empty if it holds nothing
  };

  explicit Doorkeeper(env::Env env) : env_(env) {}

  // The frame, if it is for this node. Questions and answers of those who look for a cluster pass
  // whatever cluster they name: who gets them knows what to make of it.
  std::optional<wire::Frame> admit(std::string_view bytes, const Self& self);
  // The cluster whose member this node is taken for, by the frame that was turned away last;
  // nullopt if that was for no such reason.
  [[nodiscard]] const std::optional<ClusterId>& claimed_by() const { return claimed_by_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  [[nodiscard]] bool is_own(const wire::Frame& frame, const Self& self) const;
  void say(const std::string& about, const std::string& text);

  env::Env env_;
  Counts counts_;
  std::optional<ClusterId> claimed_by_;
  std::map<std::string, TimePoint> said_;  // what was said when; bounded
};

}  // namespace lockstep::node
