#include "host/caretaker.h"

#include <algorithm>
#include <utility>

#include "host/loop.h"

namespace lockstep::host {

namespace {

constexpr Duration kLookInterval = seconds(1);

}  // namespace

Caretaker::Caretaker(Loop& loop, LogSink& log, node::Node& node, Options options,
                     std::function<void()> removed)
    : loop_(loop),
      log_(log),
      node_(node),
      options_(options),
      reaper_(options.reap),
      removed_(std::move(removed)) {
  look_at_members();
  loop_.at(loop_.now() + options_.snapshot_interval, life_.guard([this] { make_durable(); }));
}

void Caretaker::look_at_members() {
  loop_.at(loop_.now() + kLookInterval, life_.guard([this] { look_at_members(); }));
  const auto status = node_.status();
  const auto silent = reaper_.look(status, loop_.now());
  if (silent && !removing_) remove(*silent);
  look_for_removal(status);
}

// A leader that removed itself has it in its log; to others a leader said so (node/joiner.h).
void Caretaker::look_for_removal(const node::NodeStatus& status) {
  const bool is_member = std::ranges::any_of(
      status.members, [&](const auto& each) { return each.member.id == status.self; });
  const bool gone = status.removed || (was_member_ && !is_member);
  was_member_ = is_member;
  if (!gone || !removed_) return;
  std::exchange(removed_, nullptr)();
}

void Caretaker::remove(const NodeId& id) {
  removing_ = true;
  log_.write(LogLevel::warning, "reap", "removing node " + id.value + ": silent for too long");
  node_.remove_member(id, /*force=*/false, life_.guard([this, id](const Status& status) {
    removing_ = false;
    if (status)
      log_.write(LogLevel::warning, "reap", "node " + id.value + " is removed");
    else
      log_.write(LogLevel::warning, "reap",
                 "node " + id.value + " could not be removed: " + status.error().text);
  }));
}

// What was applied since the last durable point is replayed at the next start: on a node without
// writes that would stay so.
void Caretaker::make_durable() {
  loop_.at(loop_.now() + options_.snapshot_interval, life_.guard([this] { make_durable(); }));
  const auto status = node_.status();
  if (status.applied <= status.durable || status.disk_full) return;
  node_.snapshot({}, life_.guard([this](const Result<bool>& made) {
    if (!made) log_.write(LogLevel::debug, "snapshot", "not now: " + made.error().text);
  }));
}

}  // namespace lockstep::host
