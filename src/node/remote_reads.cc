#include "node/remote_reads.h"

#include <algorithm>
#include <utility>

namespace lockstep::node {
namespace {

constexpr std::size_t kWaitingMax = 65'536;
constexpr Duration kAskAgainAfter = milliseconds(100);

}  // namespace

RemoteReads::RemoteReads(env::Env env, std::uint32_t run, Consensus& consensus)
    : env_(env),
      consensus_(consensus),
      last_id_(std::uint64_t{run} << 32),
      asker_(env, kAskAgainAfter, [this] { look_after(); }) {}

void RemoteReads::ask(TimePoint deadline, IndexFn done) {
  if (!consensus_.core().leader()) return done(fail(Errc::no_leader, "leader not found"));
  if (waiting_.size() + asked_.size() >= kWaitingMax)
    return done(fail(Errc::busy, "too many reads are waiting"));
  waiting_.push_back({deadline, std::move(done)});
  // The ask that is under way was sent before this read began: it proves nothing for it.
  if (asked_.empty()) send();
  asker_.start();
}

void RemoteReads::send() {
  const auto leader = consensus_.core().leader();
  if (!leader) return;
  ++last_id_;
  asked_ = std::exchange(waiting_, {});
  leader_ = *leader;
  consensus_.post(leader_, wire::ReadAsk{last_id_});
}

void RemoteReads::on_reply(const NodeId& from, const wire::ReadReply& reply) {
  if (asked_.empty() || reply.id != last_id_ || from != leader_) return;
  auto answered = std::exchange(asked_, {});
  if (!waiting_.empty()) send();
  for (auto& each : answered) {
    if (reply.granted) {
      each.done(reply.index);
    } else {
      each.done(fail(Errc::not_leader, "not leader"));
    }
  }
}

// Whoever leads now is asked instead; nothing is lost by asking twice.
void RemoteReads::status_changed() {
  const auto leader = consensus_.core().leader();
  if (asked_.empty() || leader == leader_) return;
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(asked_));
  waiting_ = std::exchange(asked_, {});
  if (leader) send();
}

void RemoteReads::look_after() {
  expire();
  if (asked_.empty() && waiting_.empty()) return asker_.stop();
  if (asked_.empty()) {
    send();
  } else {
    consensus_.post(leader_, wire::ReadAsk{last_id_});
  }
}

void RemoteReads::expire() {
  std::vector<IndexFn> late;
  for (auto* list : {&asked_, &waiting_}) {
    std::erase_if(*list, [&](Waiting& each) {
      if (each.deadline > env_.clock.now()) return false;
      late.push_back(std::move(each.done));
      return true;
    });
  }
  for (auto& done : late) done(fail(Errc::timeout, "timed out waiting for the leader's answer"));
}

}  // namespace lockstep::node
