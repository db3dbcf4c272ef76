// The faults of a World, and what it can say about the cluster's state.
#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "sim/world.h"
#include "storage/log_format.h"

namespace lockstep::sim {
namespace {

// Enough for several elections among five.
constexpr std::size_t kLateFramesKept = 16;
constexpr Duration kLateFrameInterval = milliseconds(10);

// Where batches of the log stand (storage/log_format.h), in the order of the log.
std::vector<std::pair<std::string, std::uint64_t>> batches_of(Machine& machine) {
  std::vector<std::pair<std::string, std::uint64_t>> batches;
  const auto names = machine.disk().list();
  if (!names) return batches;
  for (const std::string& name : *names) {
    if (!name.starts_with("log-")) continue;
    const std::string bytes = machine.disk().contents(name).value_or("");
    const auto segment = storage::decode_segment_header(bytes);
    if (!segment) continue;
    for (std::uint64_t at = storage::segment_header_bytes(*segment); at < bytes.size();
         at += storage::kBlockBytes) {
      // A file that is used again holds batches of its earlier life.
      const auto batch = storage::decode_batch_header(std::string_view(bytes).substr(at));
      if (batch && batch->salt == segment->salt) batches.emplace_back(name, at);
    }
  }
  return batches;
}

}  // namespace

void World::crash(std::size_t number, Crash how, std::optional<Duration> restart_after) {
  if (trace_.has_text()) {
    trace_.say(fmt::format("fault: {} {}", machines_[number]->name(),
                           how.power ? "loses power" : "is killed"));
  }
  machines_[number]->crash(how);
  queue_.cancel(lives_[number].restart);
  if (restart_after) restart_later(number, *restart_after);
}

void World::crash_in_job(std::size_t number, std::uint64_t operations, Crash how,
                         Duration restart_after) {
  if (!machines_[number]->running() && !machines_[number]->repairing()) return;
  lives_[number].restart_after = restart_after;
  machines_[number]->crash_in_job(operations, how);
}

void World::pause(std::size_t number, Duration span) {
  Machine& machine = *machines_[number];
  if (!machine.running() || machine.paused()) return;
  if (trace_.has_text()) trace_.say("fault: pause of " + machine.name());
  machine.pause();
  const std::uint64_t pause = ++lives_[number].pauses;
  queue_.after(span, [this, number, pause] {
    if (lives_[number].pauses == pause) machines_[number]->resume();
  });
}

void World::fail_syncs(std::size_t number, unsigned count) {
  lives_[number].restart_after = milliseconds(100);
  machines_[number]->disk().fail_syncs(count);
}

bool World::rot(std::size_t number, Rng& rng) {
  Machine& machine = *machines_[number];
  if (machine.running() || machine.repairing()) return false;
  const auto names = machine.disk().list();
  if (!names) return false;
  // Where a bit can flip and the loss be made good: any byte of the database, and batches of the
  // log but the last ones (a bad batch at the very end cannot be told from a torn one).
  std::vector<std::pair<std::string, std::uint64_t>> places;
  for (const std::string& name : *names) {
    const std::uint64_t size = machine.disk().contents(name).value_or("").size();
    if (name.starts_with("db.sqlite") || name.starts_with("sums-")) {
      for (std::uint64_t at = 0; at + 4096 <= size; at += 4096) places.emplace_back(name, at);
    }
  }
  const auto batches = batches_of(machine);
  // Half the time the log.
  const bool from_log = rng.chance(1, 2) && batches.size() >= 4;
  if (!from_log && places.empty()) return false;
  const std::uint64_t which = rng.below(from_log ? batches.size() - 2 : places.size());
  const auto& [name, at] = from_log ? batches[which] : places[which];
  // Rows stand at the end of a page; what lies before them is often nothing.
  const bool among_rows = rng.chance(2, 3);
  const std::uint64_t within = among_rows ? 4095 - rng.below(128) : rng.below(4096);
  const std::uint64_t offset =
      at + (from_log ? within % (storage::kBatchHeaderBytes + 13) : within);
  machine.disk().flip_bit(name, offset, static_cast<unsigned>(rng.below(8)));
  lives_[number].rotten = true;
  if (trace_.has_text())
    trace_.say(fmt::format("fault: {} {} rots at {}", machine.name(), name, offset));
  return true;
}

void World::lose_disk(std::size_t number, Duration restart_after, bool replace) {
  crash(number, {}, restart_after);
  machines_[number]->disk().wipe();
  raft_oracle_->forget(number);
  wire_oracle_.forget(number);
  if (trace_.has_text()) trace_.say("fault: " + machines_[number]->name() + " loses its disk");
  if (!replace || std::exchange(lives_[number].replaced, true)) return;
  replace_member(number);
  repeat_old_frames(number);
}

void World::move_machine(std::size_t number, Duration restart_after) {
  crash(number, {}, restart_after);
  machines_[number]->move();
  network_.move_machine(number, machines_[number]->raft_address());
}

void World::keep_disk(std::size_t number) {
  SimDisk& disk = machines_[number]->disk();
  auto& kept = lives_[number].kept_disk;
  kept.clear();
  const auto names = disk.list();
  if (!names) return;
  for (const std::string& name : *names) kept[name] = disk.contents(name).value_or("");
}

void World::roll_back_disk(std::size_t number, Duration restart_after) {
  crash(number, {}, restart_after);
  SimDisk& disk = machines_[number]->disk();
  disk.wipe();
  for (const auto& [name, bytes] : lives_[number].kept_disk) disk.put(name, bytes);
  lives_[number].rolled_back = true;
  raft_oracle_->forget(number);
  wire_oracle_.forget(number);
  if (trace_.has_text())
    trace_.say("fault: the disk of " + machines_[number]->name() + " goes back");
}

void World::keep_for_late(std::string_view bytes) {
  const auto frame = wire::decode_frame(bytes);
  const auto* message = frame ? std::get_if<raft::Message>(&frame->body) : nullptr;
  if (message == nullptr) return;
  const auto* reply = std::get_if<raft::AppendReply>(&message->body);
  const bool ask = std::holds_alternative<raft::VoteAsk>(message->body);
  if (!ask && (reply == nullptr || !reply->success)) return;
  const NodeId& whose = ask ? message->to : message->from;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i]->name() != whose.value || (!ask && lives_[i].replaced)) continue;
    auto& kept = ask ? lives_[i].vote_asks : lives_[i].acks;
    kept.emplace_back(bytes);
    if (kept.size() > kLateFramesKept) kept.pop_front();
  }
}

void World::deliver_late(const std::deque<std::string>& kept) {
  if (kept.empty()) return;
  const std::string& bytes = kept[late_frames_.below(kept.size())];
  const std::string to = std::get<raft::Message>(wire::decode_frame(bytes)->body).to.value;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i]->name() != to) continue;
    trace_.add("deliver late", i);
    machines_[i]->receive(bytes);
  }
}

// The moment that hurts lies between its admission and the first word of its new leader.
void World::repeat_old_frames(std::size_t number) {
  const Life& life = lives_[number];
  if (!life.replaced) return;
  deliver_late(life.vote_asks);
  deliver_late(life.acks);
  const Duration wait(late_frames_.below(kLateFrameInterval.count()));
  queue_.after(wait, [this, number] { repeat_old_frames(number); });
}

// As long as it is a member that no leader may let in.
void World::replace_member(std::size_t number) {
  const Machine& machine = *machines_[number];
  const bool admitted = machine.running() && !machine.node().core().membership().members.empty();
  lives_[number].replaced = !admitted;
  if (admitted) return;
  if (const auto led_by = leader()) {
    const raft::Core& core = machines_[*led_by]->node().core();
    const NodeId name{machine.name()};
    const bool holds = core.match_index(name).value_or(LogIndex{}) > LogIndex{};
    if (core.membership().is_voter(name) || holds) change_member(number, Membership::none);
  }
  queue_.after(milliseconds(300), [this, number] { replace_member(number); });
}

void World::heal() {
  trace_.add("heal");
  if (trace_.has_text()) trace_.say("heal");
  network_.heal(true);
  clients_->calm();
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    Machine& machine = *machines_[i];
    machine.disk().fail_syncs(0);
    machine.disk().crash_after(std::nullopt);
    machine.disk().set_full(false);
    machine.set_disk_speed(swarm_.disk_speed);
    ++lives_[i].pauses;
    machine.resume();
    if (!machine.running() && !machine.repairing()) restart_later(i, milliseconds(1));
  }
  if (!std::exchange(restoring_members_, true)) restore_members();
}

Membership World::usual_membership(std::size_t machine) const {
  return machine < swarm_.nodes ? Membership::voter : Membership::learner;
}

void World::change_member(std::size_t number, Membership wanted) {
  const auto led_by = leader();
  if (!led_by) return;
  const Machine& target = *machines_[number];
  // Only who holds a log may vote. Others become voters by asking to join.
  const bool holds_a_log = target.running() && !target.node().core().membership().members.empty();
  if (wanted == Membership::voter && !holds_a_log) return;
  std::optional<raft::Member> member;
  if (wanted != Membership::none) {
    member = raft::Member{.id = NodeId{target.name()},
                          .address = target.raft_address(),
                          .voter = wanted == Membership::voter};
  }
  trace_.add("change member", number, static_cast<std::uint64_t>(wanted));
  machines_[*led_by]->as_step([this, name = target.name(), member](node::Node& node) {
    node.change_membership(NodeId{name}, member, [this, name](Status status) {
      trace_.add("member changed", status.has_value());
      if (trace_.has_text()) {
        trace_.say("member " + name + ": " + (status ? "changed" : status.error().text));
      }
    });
  });
}

// Until everybody is again what he was meant to be, one change at a time.
void World::restore_members() {
  const auto led_by = leader();
  if (led_by) {
    const raft::Membership& members = machines_[*led_by]->node().core().membership();
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      const raft::Member* member = members.find(NodeId{machines_[i]->name()});
      const bool right =
          member != nullptr && member->voter == (usual_membership(i) == Membership::voter);
      if (right || lives_[i].lost || lives_[i].replaced) continue;
      change_member(i, usual_membership(i));
      break;
    }
  }
  queue_.after(milliseconds(500), [this] { restore_members(); });
}

std::optional<std::size_t> World::leader() const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (!machines_[i]->running()) continue;
    const raft::Core& core = machines_[i]->node().core();
    const ClusterId its = core.membership().cluster;
    const bool strange = !cluster_.is_nil() && its != cluster_ && !recovery_allowed_;
    if (core.role() != raft::Role::leader || strange) continue;
    if (!best || core.term() > machines_[*best]->node().core().term()) best = i;
  }
  return best;
}

std::optional<std::size_t> World::deposed_leader() const {
  std::optional<std::size_t> oldest;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (!machines_[i]->running()) continue;
    const raft::Core& core = machines_[i]->node().core();
    if (core.role() != raft::Role::leader) continue;
    if (!oldest || core.term() < machines_[*oldest]->node().core().term()) oldest = i;
  }
  return oldest == leader() ? std::nullopt : oldest;
}

bool World::converged() const {
  const auto led_by = leader();
  if (!led_by) return false;
  const raft::Core& core = machines_[*led_by]->node().core();
  if (core.commit() != core.last_index()) return false;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (lives_[i].lost) {
      ++lost;
      continue;
    }
    if (!machines_[i]->running()) return false;
    const node::Node& node = machines_[i]->node();
    const raft::Member* member = core.membership().find(NodeId{machines_[i]->name()});
    if (member == nullptr || member->voter != (usual_membership(i) == Membership::voter))
      return false;
    if (node.applied() != core.commit() || node.core().leader() != core.leader()) return false;
  }
  CHECK(lost < machines_.size());
  return true;
}

std::string World::progress_text() const {
  std::string text;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    const Machine& machine = *machines_[i];
    if (!machine.running()) {
      const char* const why = lives_[i].lost ? "lost" : (machine.repairing() ? "repairing" : "off");
      text += fmt::format("{} {}; ", machine.name(), why);
      continue;
    }
    const raft::Core& core = machine.node().core();
    text += fmt::format("{} role {} term {} last {} commit {} applied {} members {}; ",
                        machine.name(), static_cast<int>(core.role()), core.term().value,
                        core.last_index().value, core.commit().value,
                        machine.node().applied().value, core.membership().members.size());
  }
  return text;
}

std::optional<api::Response> World::ask(std::size_t number, api::Request request, Duration bound) {
  // Shared: when a promise is broken meanwhile, the answer may come after this call.
  const auto exchange = std::make_shared<std::optional<Exchange>>();
  clients_->send(number, std::move(request), bound,
                 [exchange](Exchange got) { *exchange = std::move(got); });
  run_until([&exchange] { return exchange->has_value(); }, bound + milliseconds(1));
  CHECK(*exchange || violations_.any());
  if (!*exchange || (*exchange)->fate != Fate::answered) return std::nullopt;
  return std::move((*exchange)->response);
}

}  // namespace lockstep::sim
