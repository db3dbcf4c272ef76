#include "node/reader.h"

#include <utility>

#include "base/bugs.h"

namespace lockstep::node {
namespace {

constexpr std::size_t kAskedMax = 65'536;

}  // namespace

ReadGate::ReadGate(env::Env env, Rng rng, std::uint32_t run, Consensus& consensus,
                   Proposer& proposer, Applier& applier, ReadPool& pool)
    : env_(env),
      rng_(rng),
      consensus_(consensus),
      proposer_(proposer),
      applier_(applier),
      pool_(pool),
      remote_(env, run, consensus) {}

void ReadGate::read(ReadLevel level, std::string command, Duration wait, AnswerFn done) {
  if (level == ReadLevel::strong) return strong(std::move(command), std::move(done));
  // 'now' and random() in a read: the same injection as for writes.
  wire::stamp_command(command, env_.clock.wall(), rng_.next());
  if (level == ReadLevel::none) return run(std::move(command), {}, std::move(done));
  if (level == ReadLevel::linearizable)
    return linearizable(std::move(command), wait, std::move(done));
  if (consensus_.core().role() != raft::Role::leader)
    return done(fail(Errc::not_leader, "not leader"));
  run(std::move(command), {}, std::move(done));
}

void ReadGate::linearizable(std::string command, Duration wait, AnswerFn done) {
  if (asked_.size() >= kAskedMax) return done(fail(Errc::busy, "too many reads are waiting"));
  const TimePoint deadline = env_.clock.now() + wait;
  auto granted = [this, deadline, command = std::move(command),
                  done = std::move(done)](Result<LogIndex> index) mutable {
    if (!index) return done(std::unexpected(std::move(index).error()));
    applier_.when_applied(
        *index, deadline,
        [this, index = *index, command = std::move(command),
         done = std::move(done)](bool applied) mutable {
          if (applied) return run(std::move(command), {}, std::move(done));
          done(fail(Errc::timeout, "index " + to_string(index) + ": timeout waiting for fsm"));
        });
  };
  ask_index(wait, std::move(granted));
}

void ReadGate::ask_index(Duration wait, IndexFn done) {
  if (consensus_.core().role() == raft::Role::leader) return ask_core(std::move(done));
  remote_.ask(env_.clock.now() + wait, std::move(done));
}

void ReadGate::ask_core(IndexFn done) {
  const raft::RequestId id = ++last_id_;
  asked_.emplace(id, std::move(done));
  consensus_.read(id);
}

void ReadGate::granted(const raft::ReadGranted& granted) {
  auto node = asked_.extract(granted.id);
  if (!node.empty()) node.mapped()(granted.index);
}

void ReadGate::refused(const raft::Refused& refused) {
  auto node = asked_.extract(refused.id);
  if (!node.empty()) node.mapped()(fail(Errc::not_leader, "not leader"));
}

void ReadGate::on_ask(const NodeId& from, const wire::ReadAsk& ask) {
  if (asked_.size() >= kAskedMax) return;  // As if lost: it is asked again.
  ask_core([this, from, id = ask.id](Result<LogIndex> index) {
    consensus_.post(
        from, wire::ReadReply{
                  .id = id, .granted = index.has_value(), .index = index.value_or(LogIndex{})});
  });
}

// The entry only fixes a point in the order; the rows are read here, once that point is applied.
void ReadGate::strong(std::string command, AnswerFn done) {
  std::string entry = command;
  wire::set_command_kind(entry, wire::CommandKind::strong_read);
  wire::stamp_command(command, env_.clock.wall(), rng_.next());
  proposer_.write(std::move(entry),
                  life_.guard([this, command = std::move(command),
                               done = std::move(done)](Result<Answer> answer) mutable {
                    if (!answer) return done(std::move(answer));
                    run(std::move(command), answer->raft_index, std::move(done));
                  }));
}

void ReadGate::run(std::string command, LogIndex raft_index, AnswerFn done) {
  auto shared = std::make_shared<AnswerFn>(std::move(done));
  const bool queued =
      pool_.query(std::move(command), [shared, raft_index](sql::CommandResult result) {
        (*shared)(Answer{std::move(result), raft_index});
      });
  if (!queued) (*shared)(fail(Errc::busy, "too many reads are waiting"));
}

}  // namespace lockstep::node
