#include "node/overdue.h"

#include <utility>

namespace lockstep::node {
namespace {

constexpr Duration kPatience = seconds(10);
constexpr Duration kSayAgainAfter = seconds(60);

}  // namespace

Overdue::Overdue(const env::Env& env, std::string module)
    : clock_(env.clock), log_(env.log), module_(std::move(module)) {}

void Overdue::waits(const std::string& what) {
  const TimePoint now = clock_.now();
  if (!say_at_) say_at_ = now + kPatience;
  if (now < *say_at_) return;
  say_at_ = now + kSayAgainAfter;
  log_.write(LogLevel::warning, module_, what);
}

}  // namespace lockstep::node
