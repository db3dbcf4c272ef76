#include "node/readiness.h"

#include "base/bugs.h"

namespace lockstep::node {
namespace {

constexpr Duration kPatience = seconds(2);
constexpr Duration kAskAgainAfter = milliseconds(100);

}  // namespace

Readiness::Readiness(env::Env env, ReadGate& reads, Applier& applier, Consensus& consensus)
    : env_(env), reads_(reads), applier_(applier), consensus_(consensus) {}

void Readiness::poke() {
  if (caught_up_ || asking_ || !consensus_.core().leader()) return;
  if (LOCKSTEP_BUG(ready_behind_image)) {
    const auto& core = consensus_.core();
    caught_up_ = applier_.applied() >= core.commit() && core.term_at(core.commit()) == core.term();
    return;
  }
  asking_ = true;
  reads_.ask_index(kPatience,
                   life_.guard([this](Result<LogIndex> index) { told(std::move(index)); }));
}

void Readiness::told(Result<LogIndex> index) {
  if (!index) return again();
  target_ = *index;
  // What is being replayed may take as long as it takes.
  applier_.when_applied(*index, kNever, life_.guard([this](bool applied) {
    if (!applied) return again();
    caught_up_ = true;
    asking_ = false;
  }));
}

void Readiness::again() {
  env_.turns.at(env_.clock.now() + kAskAgainAfter, life_.guard([this] {
    asking_ = false;
    poke();
  }));
}

}  // namespace lockstep::node
