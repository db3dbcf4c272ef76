#include "sim/clock.h"

#include "base/check.h"

namespace lockstep::sim {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
// Keeps nanoseconds times parts per million within 64 bits.
constexpr Duration kLongest = std::chrono::hours(1);

}  // namespace

SimClock::SimClock(const EventQueue& queue, Options options)
    : queue_(queue),
      anchor_virtual_(queue.now()),
      anchor_local_(TimePoint{} + options.start),
      drift_ppm_(options.drift_ppm),
      wall_offset_ms_(options.wall_start.unix_ms - options.start / milliseconds(1)) {
  CHECK(drift_ppm_ > -kMillion / 2 && drift_ppm_ < kMillion);
}

TimePoint SimClock::now() const {
  const auto passed = (queue_.now() - anchor_virtual_).count();
  return anchor_local_ + Duration(passed / kMillion * (kMillion + drift_ppm_) +
                                  passed % kMillion * (kMillion + drift_ppm_) / kMillion);
}

WallTime SimClock::wall() const {
  return {now().time_since_epoch() / milliseconds(1) + wall_offset_ms_};
}

TimePoint SimClock::virtual_time_of(TimePoint local) const {
  if (local <= now()) return queue_.now();
  const Duration ahead = local - anchor_local_;
  if (ahead > kLongest) return queue_.now() + kLongest / 2;
  const std::int64_t rate = kMillion + drift_ppm_;
  // Rounded up, so that the clock has reached `local` then.
  return anchor_virtual_ + Duration((ahead.count() * kMillion + rate - 1) / rate);
}

void SimClock::set_drift(std::int64_t drift_ppm) {
  CHECK(drift_ppm > -kMillion / 2 && drift_ppm < kMillion);
  anchor_local_ = now();
  anchor_virtual_ = queue_.now();
  drift_ppm_ = drift_ppm;
}

void SimClock::jump(Duration by) {
  CHECK(by >= Duration::zero());
  anchor_local_ = now() + by;
  anchor_virtual_ = queue_.now();
}

}  // namespace lockstep::sim
