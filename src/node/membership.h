// MembershipDesk: the leader's side of who belongs to the cluster: it lets nodes in, removes them,
// follows those that move, and sets aside those whose disks have gone back. One change at a time.
// (The other side, a node that wants to be a member, is node/joiner.h.)
//
// A voter joins in two steps: first as a learner, and once it holds the log up to there it becomes
// a voter. A node with a wrong address therefore never costs the cluster its quorum.
//
// A node that holds nothing takes no part in consensus before the leader has admitted it, and never
// votes before its log holds the entry that the leader named (the fence). So a member that lost its
// disk cannot give away a second time what it had promised under its name: it is refused until it
// has been removed, and when its vote counts again, it knows of that removal. A leader that was
// deposed without noticing does not know of it either: so nobody is admitted, and nothing is said
// about who is a member, but after a read round that began when the question was there.
//
// Turns. Nothing here waits for longer than its patience; what is lost, the asker asks again.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "env/env.h"
#include "node/consensus.h"
#include "node/node.h"
#include "node/proposer.h"
#include "node/ticker.h"

namespace lockstep::node {

class MembershipDesk {
 public:
  using Done = std::move_only_function<void(Status)>;

  MembershipDesk(env::Env env, const NodeOptions& options, Consensus& consensus,
                 Proposer& proposer);

  // See Node::change_membership() and Node::remove_member().
  void change(NodeId id, std::optional<raft::Member> member, Done done);
  void remove(const NodeId& id, bool force, Done done);
  // This node leads, and is this member from now on, if it is one still.
  void change_itself(raft::Member member, Done done);
  // `theirs`: the asker's cluster.
  void on_join_ask(ClusterId theirs, const wire::JoinAsk& ask);

  void accepted(const raft::Accepted& accepted);
  void refused(const raft::Refused& refused);
  void granted(const raft::ReadGranted& granted);
  [[nodiscard]] bool owns(raft::RequestId id) const {
    return asked_.contains(id) || rounds_.contains(id);
  }
  // The core's role, term or view of its members changed.
  void status_changed();

 private:
  using Answer = wire::JoinReply::Answer;
  struct Change {
    NodeId id;
    std::optional<raft::Member> member;
    Done done;
    // What the member is now: the change is made only as long as that is so. Empty: in any case.
    std::optional<raft::Member> of = {};
    // The cluster gets this name, and nothing else changes.
    std::optional<ClusterId> name = {};
  };
  [[nodiscard]] bool leads() const { return consensus_.core().role() == raft::Role::leader; }
  void after_round(Done done);
  void submit(Change change);
  void retry_later(Change change);
  void finish_join(raft::Member member, Done done, TimePoint give_up);
  void decide(const wire::JoinAsk& ask);
  void take_in(const wire::JoinAsk& ask, const std::optional<raft::Member>& known);
  void tell_standing(const wire::JoinAsk& ask);
  void admit(const wire::JoinAsk& ask);
  void send_admission(const wire::JoinAsk& ask);
  void reply_to_join(const wire::JoinAsk& ask, Answer answer, std::string reason = {});
  [[nodiscard]] std::optional<std::string> objection(const wire::JoinAsk& ask) const;
  void decide_removal(const NodeId& id, TimePoint began, Done done);
  [[nodiscard]] std::optional<std::string> loss_of_majority(const NodeId& removed,
                                                            TimePoint since) const;
  TimePoint doubted_since(const NodeId& id);
  [[nodiscard]] Duration time_to_answer() const;
  [[nodiscard]] bool has_answered(const NodeId& id, TimePoint since) const;
  void set_aside_fallen();
  void name_cluster();

  env::Env env_;
  const NodeOptions& options_;
  Consensus& consensus_;
  Proposer& proposer_;
  std::map<raft::RequestId, Change> asked_;
  std::map<raft::RequestId, Done> rounds_;
  // Joins this leader is busy with: what each new node must hold before it may be a voter.
  std::map<NodeId, LogIndex> joining_;
  std::map<NodeId, TimePoint> doubted_since_;
  raft::RequestId last_id_ = Proposer::kIdLimit * 2;
  std::uint64_t epoch_ = 0;  // grows when leadership is lost: what waited then is over
  bool was_leader_ = false;
  Ticker ticker_;
  Lifeline life_;
};

}  // namespace lockstep::node
