#include "sim/lanes.h"

#include "base/check.h"

namespace lockstep::sim {
namespace {

Duration draw_up_to(Rng& rng, Duration max) {
  return Duration(rng.below(static_cast<std::uint64_t>(max.count()) + 1));
}

}  // namespace

SimLanes::SimLanes(EventQueue& queue, std::shared_ptr<Gate> gate, Rng rng, Options options)
    : queue_(queue), gate_(std::move(gate)), rng_(rng), options_(std::move(options)) {
  CHECK(options_.read_lanes > 0);
}

SimLanes::~SimLanes() {
  CHECK(!gate_->alive());
}

SimLanes::Lane& SimLanes::lane_of(env::LaneId id) {
  CHECK(id.kind == env::LaneKind::read ? id.number < options_.read_lanes : id.number == 0);
  const Key key(id.kind, id.number);
  const auto found = lanes_.find(key);
  if (found != lanes_.end()) return found->second;
  const auto number = (static_cast<std::uint64_t>(id.kind) << 32) + id.number;
  return lanes_.emplace(key, Lane{.rng = rng_.derive("lane", number), .jobs = {}, .busy = false})
      .first->second;
}

void SimLanes::run(env::LaneId id, env::Task work_task, env::Task done) {
  Lane& lane = lane_of(id);
  lane.jobs.push_back({std::move(work_task), std::move(done)});
  if (!lane.busy) start_next(lane);
}

std::size_t SimLanes::jobs() const {
  std::size_t count = 0;
  for (const auto& [key, lane] : lanes_) count += lane.jobs.size();
  return count;
}

void SimLanes::start_next(Lane& lane) {
  lane.busy = !lane.jobs.empty();
  if (!lane.busy) return;
  const Duration delay = draw_up_to(lane.rng, options_.start_delay_max);
  gate_->at(queue_.now() + delay, Wake::lane, [this, &lane] { work(lane); });
}

void SimLanes::work(Lane& lane) {
  CHECK(lane.busy && !lane.jobs.empty());
  lane.jobs.front().work();
  if (options_.died()) return;
  const Duration computing = draw_up_to(lane.rng, options_.work_max);
  const Duration took = computing + options_.take_disk_time();
  gate_->at(queue_.now() + took, Wake::lane, [this, &lane] { finish(lane); });
}

void SimLanes::finish(Lane& lane) {
  Job job = std::move(lane.jobs.front());
  lane.jobs.pop_front();
  job.work = nullptr;  // What the work owned is released on the lane, before `done` is a turn.
  start_next(lane);
  job.done();
}

}  // namespace lockstep::sim
