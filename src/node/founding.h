// Founding: how new nodes form a cluster, once. A cluster gets its name here (ClusterId).
//
// One that was given nobody to join founds a cluster of its own; but first it listens for a while.
// An empty disk may be a lost one, and then there is a cluster that calls this node by its name:
// its place is there, and it founds none.
//
// New nodes that were given each other's addresses (-bootstrap-expect) form one cluster by
// themselves. Each of them keeps asking the others what they hold and which cluster they would
// found, and counts only answers to questions of its own present life. It is
//   ready    while it holds nothing. Once all others answer, it proposes to found a cluster of just
//            these nodes; it founds it when every one of them proposes the very same members.
//   founded  when the founding entry is durable: entry 1 of term 1, the same bytes everywhere. It
//            answers consensus from here on, but calls no election before all the others have
//            founded the same cluster, or one of them calls one.
// Whoever hears of a cluster that may have begun joins that one instead (node/membership.h).
//
// Why there is never a second cluster: an election is called only when every founder has durably
// founded the same members, and a node founds once. And why a founder that loses its disk does no
// harm: it founds again only if every other one tells it, after it started, that it has neither
// voted nor acknowledged anything. So nobody can have led, and nothing was committed, when its
// present life began. Later than that, it is a member that has lost its data, and is refused.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "node/consensus.h"
#include "node/lifeline.h"
#include "node/node.h"
#include "node/ticker.h"
#include "wire/frames.h"

namespace lockstep::node {

class Founding {
 public:
  // Called inside turns; none may destroy this object.
  struct Listener {
    std::function<void(TimePoint give_up)> join;  // a cluster is there: ask to be let in
    std::function<void()> founded;                // this node takes part in consensus from now on
    std::function<void(Error)> failed;            // Errc::timeout: no cluster has formed
  };

  // `is_new`: this node holds nothing. `run` tells this life's questions from those of others;
  // `nonce` is this life's share of the cluster's name. Call before Consensus::start().
  Founding(env::Env env, const NodeOptions& options, bool is_new, std::uint32_t run,
           std::uint64_t nonce, Consensus& consensus, Listener listener);

  void start();
  // Until it says so (Listener), the node neither joins nor takes part in consensus.
  [[nodiscard]] bool is_looking() const {
    return mode_ == Mode::listening || mode_ == Mode::looking;
  }
  // It holds nothing, and is about to found a cluster of its own.
  [[nodiscard]] bool is_listening() const { return mode_ == Mode::listening; }
  // It founds nothing any more: this node has its place elsewhere.
  void give_up() { mode_ = Mode::idle; }
  // What it waits for, one line; empty if for nothing.
  [[nodiscard]] std::string waits_for() const;

  void on_ask(const NodeId& from, const std::string& address, const wire::FoundAsk& ask);
  // A question came back to its sender: one of the addresses is this node's own.
  void on_own_ask(const wire::FoundAsk& ask);
  void on_reply(const NodeId& from, const std::string& address, wire::FoundReply reply);
  // A message of consensus came. Nobody sends one before all have founded.
  void heard_consensus(const NodeId& from);

 private:
  enum class Mode {
    idle,       // nothing to do with founding (any more)
    listening,  // holds nothing, and founds a cluster of its own if nobody calls it
    looking,    // holds nothing
    held,       // holds the founding entry, and waits for the others to
    electing,   // waits for the first leader
  };
  struct Heard {
    std::uint64_t id = 0;  // of the reply
    TimePoint at;
    raft::Member member;
    wire::FoundReply::Stage stage{};
    raft::Membership founders;
    std::uint64_t nonce = 0;
  };
  struct Target {
    std::string address;
    bool self = false;
    std::optional<Heard> heard = {};
  };

  // The founding entry is all that this node holds, and it has promised nothing since.
  [[nodiscard]] bool is_untouched() const;
  void tick();
  void ask_all();
  void look();
  void look_for_founders();
  void found(const raft::Membership& founders);
  void found_alone();
  void release();
  [[nodiscard]] Target* asked(std::uint64_t id);
  [[nodiscard]] bool is_current(const Target& target) const;
  // What this node would found; empty unless it knows all founders.
  [[nodiscard]] raft::Membership proposal() const;
  [[nodiscard]] std::optional<ClusterId> name_of(const raft::Membership& founders) const;
  [[nodiscard]] std::string what_is_missing() const;
  [[nodiscard]] std::string what_is_missing_at(const Target& target) const;

  env::Env env_;
  const NodeOptions& options_;
  const std::uint64_t run_;
  const std::uint64_t nonce_;
  Consensus& consensus_;
  Listener listener_;
  Mode mode_ = Mode::idle;
  std::optional<ElectionHold> hold_;  // while mode_ is held
  std::vector<Target> targets_;
  std::uint64_t round_ = 0;
  TimePoint give_up_ = kNever;
  TimePoint say_at_{};
  Ticker ticker_;
  Lifeline life_;
};

}  // namespace lockstep::node
