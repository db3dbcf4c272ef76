#include "sim/event_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace lockstep::sim {

EventQueue::Id EventQueue::at(TimePoint when, env::Task task) {
  CHECK(when != kNever);
  const Id id{std::max(when, now_), ++sequence_};
  events_.emplace(id, std::move(task));
  return id;
}

void EventQueue::cancel(Id id) {
  events_.erase(id);
}

bool EventQueue::step() {
  if (events_.empty()) return false;
  auto node = events_.extract(events_.begin());
  now_ = node.key().when;
  ++events_run_;
  node.mapped()();
  return true;
}

TimePoint EventQueue::next_time() const {
  return events_.empty() ? kNever : events_.begin()->first.when;
}

void EventQueue::advance(TimePoint when) {
  CHECK(when <= next_time());
  now_ = std::max(now_, when);
}

}  // namespace lockstep::sim
