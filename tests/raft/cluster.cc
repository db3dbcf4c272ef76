#include "cluster.h"

#include <utility>

#include "base/check.h"

namespace lockstep::raft::test {
namespace {

void carry_out(const Write& write, std::vector<Entry>& log) {
  if (write.truncate_after) {
    CHECK(write.truncate_after->value <= log.size());
    log.resize(write.truncate_after->value);
  }
  for (const Entry& entry : write.entries) {
    CHECK(entry.index.value == log.size() + 1);
    log.push_back(entry);
  }
}

Recovered recover(const Host& host, LogIndex commit) {
  Recovered recovered{.hard = host.hard,
                      .base = {},
                      .base_membership = {},
                      .terms = {},
                      .sizes = {},
                      .memberships = {},
                      .forced = {},
                      .fence = {},
                      .commit = commit};
  for (const Entry& entry : host.log) {
    const bool compacted = entry.index <= host.base;
    if (compacted) {
      recovered.base = {entry.index, entry.term};
    } else {
      recovered.terms.push_back(entry.term);
      recovered.sizes.push_back(static_cast<std::uint32_t>(entry.payload.size()));
    }
    if (entry.kind != EntryKind::config) continue;
    Membership membership = decode_membership(entry.payload.view()).value();
    if (compacted) {
      recovered.base_membership = std::move(membership);
    } else {
      recovered.memberships.emplace_back(entry.index, std::move(membership));
    }
  }
  return recovered;
}

}  // namespace

Membership voters(const std::vector<std::string>& names) {
  Membership membership;
  for (const std::string& name : names)
    membership.put({.id = NodeId{name}, .address = name + ":1", .voter = true});
  return membership;
}

void Cluster::add_node(const NodeId& id) {
  hosts_[id].id = id;
  restart(id, {});
}

void Cluster::found(const Membership& membership) {
  for (const Member& member : membership.members) {
    if (!hosts_.contains(member.id)) add_node(member.id);
    step(member.id,
         [&](Core& core, Effects& out) { CHECK(core.bootstrap(now_, membership, out)); });
    while (persist(member.id)) {
    }
  }
}

void Cluster::step(const NodeId& id, const std::function<void(Core&, Effects&)>& call) {
  Host& target = hosts_.at(id);
  if (!target.core) return;
  Effects effects;
  call(*target.core, effects);
  absorb(target, std::move(effects));
}

void Cluster::deadline(const NodeId& id) {
  step(id, [&](Core& core, Effects& out) { core.deadline_reached(now_, out); });
}

void Cluster::deliver(std::size_t position) {
  const auto it = network_.begin() + static_cast<std::ptrdiff_t>(position);
  Message message = std::move(*it);
  network_.erase(it);
  if (!hosts_.contains(message.to)) return;
  const NodeId to = message.to;
  step(to, [&](Core& core, Effects& out) { core.receive(now_, std::move(message), out); });
}

bool Cluster::persist(const NodeId& id) {
  Host& target = hosts_.at(id);
  if (target.pending.empty()) return false;
  const Write write = std::move(target.pending.front());
  target.pending.pop_front();
  if (write.hard) target.hard = *write.hard;
  carry_out(write, target.log);
  step(id, [&](Core& core, Effects& out) { core.persisted(now_, write.ticket, out); });
  return true;
}

void Cluster::crash(const NodeId& id, std::size_t kept) {
  Host& target = hosts_.at(id);
  target.core.reset();
  for (const Write& write : target.pending) {
    if (kept == 0) break;
    --kept;
    if (write.hard) target.hard = *write.hard;
    carry_out(write, target.log);
  }
  target.pending.clear();
  target.memory = target.log;
  target.wanted.reset();
  target.deadline = kNever;
}

void Cluster::restart(const NodeId& id, LogIndex commit) {
  Host& target = hosts_.at(id);
  CHECK(!target.core);
  Options options = options_;
  options.self = id;
  const std::uint64_t seed = Rng(seed_).derive(id.value, ++target.starts).next();
  target.core = std::make_unique<Core>(options, seed, recover(target, commit), now_);
  target.commit_seen = commit;
  step(id, [&](Core& core, Effects& out) { core.start(now_, out); });
}

void Cluster::compact(const NodeId& id, LogIndex index) {
  Host& target = hosts_.at(id);
  if (!target.core || index <= target.base) return;
  target.base = index;
  target.core->compacted(index);
}

void Cluster::install_image(const NodeId& id, const NodeId& from, LogIndex index,
                            std::size_t kept) {
  Host& target = hosts_.at(id);
  const Host& source = hosts_.at(from);
  CHECK(target.core && target.core->commit() < index);
  CHECK(source.core && index <= source.core->apply_limit());
  crash(id, kept);
  const std::size_t count = index.value;
  const bool holds_it =
      target.log.size() >= count && target.log[count - 1] == source.memory[count - 1];
  if (!holds_it) {
    target.log.assign(source.memory.begin(),
                      source.memory.begin() + static_cast<std::ptrdiff_t>(count));
    target.memory = target.log;
  }
  target.base = index;
  restart(id, index);
  for (std::size_t i = 0; i < count; ++i)
    oracle_.committed(id, target.memory[i], target.core->term());
}

void Cluster::absorb(Host& host, Effects effects) {
  if (effects.write) {
    carry_out(*effects.write, host.memory);
    for (const Entry& entry : effects.write->entries) {
      const bool first = entry.index.value == 1;
      oracle_.appended(host.id, entry, first ? Term{} : host.memory[entry.index.value - 2].term);
    }
  }
  for (Message& message : effects.messages) {
    auto* append = std::get_if<Append>(&message.body);
    if (!append) continue;
    // A host has nothing else to fill messages with.
    CHECK(host.base <= append->prev.index);
    const auto first = host.memory.begin() + static_cast<std::ptrdiff_t>(append->prev.index.value);
    append->entries.assign(first, first + static_cast<std::ptrdiff_t>(append->count));
  }
  if (on_effects) on_effects(host, effects);
  for (Message& message : effects.messages) network_.push_back(std::move(message));
  for (const ReadGranted& read : effects.reads) oracle_.read_granted(read.id, read.index);
  if (effects.write) host.pending.push_back(std::move(*effects.write));
  if (effects.image_wanted) host.wanted = effects.image_wanted;
  host.deadline = effects.deadline;
  watch(host);
}

void Cluster::watch(Host& host) {
  const Core& core = *host.core;
  CHECK(core.last_index().value == host.memory.size());
  if (core.role() == Role::leader && core.term() != host.led) {
    host.led = core.term();
    oracle_.leads(host.id, core.term(), host.memory);
  }
  while (host.commit_seen < core.commit()) {
    host.commit_seen = host.commit_seen.next();
    oracle_.committed(host.id, host.memory[host.commit_seen.value - 1], core.term());
  }
}

}  // namespace lockstep::raft::test
