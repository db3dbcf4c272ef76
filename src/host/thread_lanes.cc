#include "host/thread_lanes.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "host/lane.h"
#include "host/loop.h"

namespace lockstep::host {

namespace {

// A read that has computed for this long gives way to writes and other reads.
constexpr Duration kLongRead = milliseconds(100);
constexpr Duration kWatchInterval = milliseconds(50);

}  // namespace

ThreadLanes::ThreadLanes(Loop& loop, unsigned read_lanes)
    : loop_(loop), read_lanes_(read_lanes), completions_(std::make_shared<Completions>(loop)) {
  CHECK(read_lanes_ >= 1);
  const auto add = [this](const Lane::Traits& traits) {
    lanes_.push_back(std::make_unique<Lane>(*completions_, traits));
  };
  add({.name = "log", .offers = true, .gives_way = false});
  add({.name = "apply", .offers = true, .gives_way = false});
  add({.name = "image", .offers = false, .gives_way = false});
  for (unsigned k = 0; k < read_lanes_; ++k)
    add({.name = "read" + std::to_string(k), .offers = true, .gives_way = true});
}

ThreadLanes::~ThreadLanes() {
  stop();
}

Lane& ThreadLanes::lane(env::LaneId id) {
  switch (id.kind) {
    case env::LaneKind::log:
      return *lanes_[0];
    case env::LaneKind::apply:
      return *lanes_[1];
    case env::LaneKind::image:
      return *lanes_[2];
    case env::LaneKind::read:
      break;
  }
  return read_lane(id.number);
}

Lane& ThreadLanes::read_lane(unsigned number) {
  CHECK(number < read_lanes_);
  return *lanes_[3 + number];
}

void ThreadLanes::run(env::LaneId id, env::Task work, env::Task done) {
  if (stopped_) return;
  lane(id).add(std::move(work), std::move(done));
  if (id.kind == env::LaneKind::read && watch_.value == 0) watch_reads();
}

// For as long as there are any.
void ThreadLanes::watch_reads() {
  watch_ = loop_.at(loop_.now() + kWatchInterval, [this] {
    watch_ = {};
    bool busy = false;
    for (unsigned k = 0; k < read_lanes_; ++k) {
      if (!read_lane(k).is_busy()) continue;
      read_lane(k).give_way(kLongRead);
      busy = true;
    }
    if (busy) watch_reads();
  });
}

ThreadLanes::Counts ThreadLanes::counts(env::LaneId id) {
  const Lane& asked = lane(id);
  return {.here = asked.here(), .elsewhere = asked.elsewhere()};
}

void ThreadLanes::stop() {
  if (std::exchange(stopped_, true)) return;
  loop_.cancel(watch_);
  completions_->stop();
  for (const auto& each : lanes_) each->ask_to_stop();
  for (const auto& each : lanes_) each->join();
  completions_->drop();
}

}  // namespace lockstep::host
