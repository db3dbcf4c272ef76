#include "node/forwarder.h"

#include <utility>

namespace lockstep::node {
namespace {

constexpr Duration kSweepInterval = milliseconds(50);
constexpr std::size_t kPendingMax = 65'536;

}  // namespace

// An id is the run and a counter: a late reply to an earlier run of this node pairs with nothing.
Forwarder::Forwarder(env::Env env, NodeId self, std::uint32_t run, Term started_in,
                     Consensus& consensus)
    : env_(env),
      self_(std::move(self)),
      started_in_(started_in),
      consensus_(consensus),
      last_id_(std::uint64_t{run} << 32),
      sweeper_(env, kSweepInterval, [this] { sweep(); }) {}

void Forwarder::forward(wire::Forward request, Duration timeout, ForwardFn done) {
  const auto leader = consensus_.core().leader();
  if (!leader || consensus_.address_of(*leader).empty())
    return done(fail(Errc::no_leader, "leader not found"));
  if (*leader == self_) return done(fail(Errc::not_leader, "this node leads"));
  if (pending_.size() >= kPendingMax) return done(fail(Errc::busy, "too many forwarded requests"));
  request.id = ++last_id_;
  request.term = consensus_.core().term();
  pending_.emplace(request.id,
                   Pending{consensus_.core().term(), env_.clock.now() + timeout, std::move(done)});
  consensus_.post(*leader, std::move(request));
  sweeper_.start();
}

void Forwarder::on_reply(wire::ForwardReply reply) {
  auto node = pending_.extract(reply.id);
  if (node.empty()) return;  // Legal: doubled, or answered "unknown" meanwhile.
  auto& done = node.mapped().done;
  if (reply.not_leader) return done(fail(Errc::not_leader, "not leader"));
  done(std::move(reply));
}

void Forwarder::on_request(const NodeId& from, wire::Forward request, const ServeForwardFn& serve) {
  const std::uint64_t id = request.id;
  // A copy from a term that this run did not witness whole may have been executed before a restart.
  if (request.term <= started_in_ || !seen_.first_time(from, id)) return;
  serve(std::move(request), life_.guard([this, from, id](wire::ForwardReply reply) {
    reply.id = id;
    consensus_.post(from, std::move(reply));
  }));
}

void Forwarder::status_changed() {
  if (!consensus_.core().leader()) return;
  const Term term = consensus_.core().term();
  std::vector<ForwardFn> undecided;
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->second.term == term) {
      ++it;
      continue;
    }
    undecided.push_back(std::move(it->second.done));
    it = pending_.erase(it);
  }
  for (auto& done : undecided) done(fail(Errc::unknown, "leadership lost while committing log"));
}

void Forwarder::sweep() {
  const TimePoint now = env_.clock.now();
  std::vector<ForwardFn> late;
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->second.deadline > now) {
      ++it;
      continue;
    }
    late.push_back(std::move(it->second.done));
    it = pending_.erase(it);
  }
  if (pending_.empty()) sweeper_.stop();
  for (auto& done : late) done(fail(Errc::timeout, "timed out waiting for the leader's answer"));
}

}  // namespace lockstep::node
