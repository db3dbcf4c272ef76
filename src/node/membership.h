// MembershipDesk: changes of who belongs to the cluster. On the leader it serves requests to join
// and to remove, one at a time; on a new node it keeps asking to be let in.
//
// A voter joins in two steps: first as a learner, and once it holds the log up to there it becomes
// a voter. A node with a wrong address therefore never costs the cluster its quorum.
//
// A node that holds nothing takes no part in consensus before the leader has admitted it, and never
// votes before its log holds the entry that the leader named (the fence). So a member that lost its
// disk cannot give away a second time what it had promised under its name: it is refused until it
// has been removed, and when its vote counts again, it knows of that removal.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "env/env.h"
#include "node/consensus.h"
#include "node/node.h"
#include "node/proposer.h"

namespace lockstep::node {

class MembershipDesk {
 public:
  using Done = std::move_only_function<void(Status)>;

  // `fresh`: this node holds nothing yet.
  MembershipDesk(env::Env env, const NodeOptions& options, bool fresh, Consensus& consensus,
                 Proposer& proposer, std::function<void(Error)> failed);

  // A new node with addresses to join through begins to ask; others do nothing.
  void start();
  // The same until `give_up`, when the node ends if no member has let it in.
  void join_by(TimePoint give_up);
  // The node has founded a cluster itself, and needs nobody's leave.
  void founded() { fresh_ = false; }
  // Leader: see Node::change_membership().
  void change(NodeId id, std::optional<raft::Member> member, Done done);
  void on_join_ask(const wire::JoinAsk& ask);
  void on_join_reply(const wire::JoinReply& reply);

  void accepted(const raft::Accepted& accepted);
  void refused(const raft::Refused& refused);
  [[nodiscard]] bool owns(raft::RequestId id) const { return asked_.contains(id); }
  void leadership_lost();
  // Messages of consensus are for others, so far.
  [[nodiscard]] bool waits_for_admission() const { return fresh_; }

 private:
  struct Change {
    NodeId id;
    std::optional<raft::Member> member;
    Done done;
  };
  [[nodiscard]] bool wants_to_join() const;
  void ask_to_join();
  void submit(Change change);
  void finish_join(raft::Member member, Done done, TimePoint give_up);
  void reply_to_join(const wire::JoinAsk& ask, wire::JoinReply::Answer answer, std::string reason);
  void admit(const wire::JoinAsk& ask);
  void admitted(raft::Position fence);
  void retry_later(Change change);

  env::Env env_;
  const NodeOptions& options_;
  Consensus& consensus_;
  Proposer& proposer_;
  std::function<void(Error)> failed_;
  std::map<raft::RequestId, Change> asked_;
  // Joins this leader is busy with: what each new node must hold before it may be a voter.
  std::map<NodeId, LogIndex> joining_;
  std::vector<std::string> addresses_;
  std::size_t next_address_ = 0;
  std::string refused_because_;
  bool fresh_ = false;
  TimePoint give_up_ = kNever;
  raft::RequestId last_id_ = Proposer::kIdLimit * 2;
  std::uint64_t epoch_ = 0;  // grows when leadership is lost: what waited then is over
  Lifeline life_;
};

}  // namespace lockstep::node
