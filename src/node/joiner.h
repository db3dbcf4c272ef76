// Joiner: how this node becomes, and stays, the member that it is meant to be. It asks whoever
// leads until the committed membership says so: a new node to be let in, one that has moved to be
// known at its new addresses, one whose promotion was lost to be a voter after all, and one that
// hears no leader whether it is still a member. (Who answers is node/membership.h.)
//
// An answer counts only for the question of this life (a nonce pairs them): one that an earlier
// life asked for may admit a node that has lost its disk since.
//
// Turns. It waits for as long as it takes, unless it holds nothing and nobody lets it in.
#pragma once

#include <cstdint>
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

class Joiner {
 public:
  // Called inside turns; none may destroy this object.
  struct Listener {
    // This node leads, and is to be this member from now on.
    std::function<void(raft::Member)> change_self;
    // This node is not to go on; the text says what to do.
    std::function<void(Error)> failed;
    std::function<void(Error)> removed;  // likewise, for it was removed before this life
  };

  // `fresh`: this node holds nothing yet. `nonce` differs per life.
  Joiner(env::Env env, const NodeOptions& options, bool fresh, std::uint64_t nonce,
         Consensus& consensus, Listener listener);

  // Begins. A new node with addresses to join through gives up after its attempts.
  void start();
  // A cluster was found while founding one: asks to be let into that, until `give_up`.
  void join_by(TimePoint give_up);
  // The node has founded a cluster itself, and needs nobody's leave.
  void founded() { fresh_ = false; }
  // Others may be found at these addresses: where members are that have moved, all at once maybe.
  void meet(const std::vector<std::string>& addresses);
  struct Sender {
    const NodeId& id;
    const std::string& address;
    ClusterId cluster;
  };
  void on_reply(const Sender& from, const wire::JoinReply& reply);

  // Messages of consensus are for others, so far.
  [[nodiscard]] bool waits_for_admission() const { return fresh_; }
  // The committed membership has this node in the role it is meant to have.
  [[nodiscard]] bool is_settled() const;
  // A leader said, in this life, that this node is no member any more.
  [[nodiscard]] bool was_removed() const { return removed_; }
  // What it waits for, one line; empty if for nothing.
  [[nodiscard]] std::string waits_for() const;

 private:
  using Answer = wire::JoinReply::Answer;
  [[nodiscard]] raft::Member wanted() const;
  // In the membership in force here, committed or not.
  [[nodiscard]] const raft::Member* in_force() const;
  [[nodiscard]] bool is_as_wanted() const;
  // No leader is heard.
  [[nodiscard]] bool is_silent() const;
  [[nodiscard]] bool wants_in() const;
  // It was told to join, or has been told that it may anew.
  [[nodiscard]] bool may_join() const { return told_to_join_ && !removed_; }
  void tick();
  void look_at_itself();
  void ask();
  void ask_leader(const NodeId& leader);
  void ask_around();
  void say_that_it_moved();
  void look_for_strangers();
  void post_ask(const std::string& address, const NodeId& to, bool as_member);
  void on_removed();
  void on_foreign(const Sender& from, const std::string& reason);
  void remember(const std::string& address);

  env::Env env_;
  const NodeOptions& options_;
  Consensus& consensus_;
  Listener listener_;
  const std::uint64_t nonce_;
  const bool told_to_join_;
  bool fresh_;
  std::vector<std::string> addresses_;  // bounded
  std::size_t next_address_ = 0;
  std::string leader_hint_;   // asked next
  bool asks_leader_ = false;  // whom it asked last
  std::string refused_because_;
  TimePoint give_up_ = kNever;
  TimePoint began_{};
  bool started_ = false;
  bool said_moved_ = false;
  bool said_lost_ = false;
  bool voter_meant_ = false;  // it was seen a voter in this life
  bool member_once_ = false;  // it was what it is meant to be, in this life
  bool rejoins_ = false;      // it was removed before this life, and asks to be let in anew
  bool removed_ = false;
  bool admitted_ = false;  // and that is on its way to the disk, or there
  // Answers from the own cluster, and the first that said that this node belongs to another one.
  std::uint64_t answers_ = 0;
  std::string foreign_because_;
  TimePoint foreign_at_{};
  bool looks_for_strangers_ = true;
  Ticker ticker_;
  Lifeline life_;
};

}  // namespace lockstep::node
