// Directory: what the members say of themselves (HTTP address, version) and when they were last
// heard. Every node asks every other member now and then; HTTP addresses may change without a
// change of membership.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "env/env.h"
#include "node/consensus.h"
#include "node/ticker.h"
#include "wire/frames.h"

namespace lockstep::node {

class Directory {
 public:
  struct Entry {
    std::string api_addr;
    std::string version;
    TimePoint heard;
  };

  Directory(env::Env env, NodeId self, std::string api_addr, std::string version,
            Consensus& consensus);
  void start();
  void on_ask(const NodeId& from, const wire::ProbeAsk& ask);
  void on_reply(const NodeId& from, wire::ProbeReply reply);
  // What is known of a member; nullptr if it was never heard.
  [[nodiscard]] const Entry* find(const NodeId& id) const;
  // Heard within the last few rounds.
  [[nodiscard]] bool reachable(const NodeId& id) const;

 private:
  void look();

  env::Env env_;
  const NodeId self_;
  const std::string api_addr_;
  const std::string version_;
  Consensus& consensus_;
  std::map<NodeId, Entry> entries_;  // members only
  std::uint64_t rounds_ = 0;
  Ticker ticker_;
};

}  // namespace lockstep::node
