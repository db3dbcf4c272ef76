#include "schedule.h"

#include <algorithm>
#include <vector>

#include "base/rng.h"
#include "cluster.h"
#include "format.h"

namespace lockstep::raft::test {
namespace {

constexpr std::size_t kNetworkMax = 80;  // what does not fit is lost, like anything else

// Weights of what may happen next; drawn per schedule, so that each has a temper of its own.
struct Temper {
  std::uint64_t deliver, lose, twice, persist, deadline, propose, read, crash, restart, cut, change,
      transfer, compact, image, resign, elect, blackout;
  [[nodiscard]] std::uint64_t sum() const {
    return deliver + lose + twice + persist + deadline + propose + read + crash + restart + cut +
           change + transfer + compact + image + resign + elect + blackout;
  }
};

Temper draw_temper(Rng& rng, Focus focus) {
  Temper t{};
  t.deliver = rng.between(30, 80);
  t.lose = rng.below(3) == 0 ? rng.between(1, 15) : 1;
  t.twice = rng.below(6);
  t.persist = rng.between(5, 40);
  t.deadline = rng.between(3, 20);
  t.propose = rng.between(1, 10);
  t.read = rng.between(2, 12);
  t.crash = rng.below(5);
  t.restart = rng.between(1, 8);
  t.cut = rng.below(3);
  t.change = rng.below(3) == 0 ? rng.between(1, 8) : 0;
  t.transfer = rng.below(2);
  const bool churn = focus == Focus::membership;
  if (churn) t.change = rng.between(3, 12);
  const bool unstable = churn || rng.below(2) == 0;
  t.elect = unstable ? rng.between(1, 12) : 0;
  t.blackout = unstable ? rng.between(0, 6) : 0;
  t.compact = rng.below(4) == 0 ? rng.between(1, 3) : 0;
  if (focus == Focus::images) {
    t.compact = rng.between(4, 10);
    t.cut = rng.between(1, 3);  // who hears nothing for a while is left behind
  }
  t.image = t.compact > 0 ? rng.between(2, 5) : 0;
  t.resign = rng.below(6) == 0 ? 1 : 0;
  return t;
}

Options draw_options(Rng& rng) {
  Options options;
  options.inflight_bytes_max = rng.between(1, 400);
  options.message_bytes_max = rng.between(1, 200);
  return options;
}

class Schedule {
 public:
  Schedule(std::uint64_t seed, Focus focus)
      : rng_(seed), temper_(draw_temper(rng_, focus)), cluster_(draw_options(rng_), seed) {
    const std::uint64_t founders = rng_.between(3, 5);
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i < 5; ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      ids_.push_back(NodeId{name});
      if (i < founders) names.push_back(name);
    }
    if (temper_.change == 0) ids_.resize(founders);
    cluster_.found(voters(names));
    for (const NodeId& id : ids_)
      if (!cluster_.hosts().contains(id)) cluster_.add_node(id);
    cluster_.on_effects = [this](const Host& host, const Effects& effects) {
      result_.reads += effects.reads.size();
      if (host.core->role() == Role::leader && effects.status_changed) ++result_.elections;
    };
  }

  ScheduleResult run(std::uint64_t steps) {
    for (std::uint64_t i = 0; i < steps && !broken(); ++i) act();
    if (!broken()) heal();
    result_.violation = cluster_.oracle().violation() ? cluster_.oracle().violation() : stuck_;
    result_.committed = cluster_.oracle().highest_commit().value;
    return result_;
  }

 private:
  [[nodiscard]] bool broken() const { return cluster_.oracle().violation().has_value(); }
  const NodeId& any_node() { return ids_[rng_.below(ids_.size())]; }

  // The leader of the newest term more often than not, for elsewhere little happens.
  const NodeId& likely_leader() {
    const NodeId* chosen = &any_node();
    if (rng_.chance(1, 4)) return *chosen;
    Term newest;
    for (const auto& [id, host] : cluster_.hosts()) {
      if (!host.core || host.core->role() != Role::leader || host.core->term() <= newest) continue;
      newest = host.core->term();
      chosen = &host.id;
    }
    return *chosen;
  }

  void act() {
    std::uint64_t draw = rng_.below(temper_.sum());
    const auto is = [&](std::uint64_t weight) {
      const bool hit = draw < weight;
      draw -= hit ? 0 : weight;
      return hit;
    };
    auto& network = cluster_.network();
    while (network.size() > kNetworkMax) lose(rng_.below(network.size()));
    if (is(temper_.deliver)) return deliver_one();
    if (is(temper_.lose)) return network.empty() ? void() : lose(rng_.below(network.size()));
    if (is(temper_.twice)) {
      if (!network.empty()) network.push_back(Message(network[rng_.below(network.size())]));
      return;
    }
    if (is(temper_.persist)) return static_cast<void>(cluster_.persist(any_node()));
    if (is(temper_.deadline)) return wake_one();
    if (is(temper_.propose)) return propose();
    if (is(temper_.read)) return read();
    if (is(temper_.crash)) return crash();
    if (is(temper_.restart)) return restart(any_node());
    if (is(temper_.cut)) return toggle_cut();
    if (is(temper_.change)) return change();
    if (is(temper_.transfer)) return transfer();
    if (is(temper_.elect)) return elect();
    if (is(temper_.blackout)) return cluster_.network().clear();
    if (is(temper_.image)) return image();
    if (is(temper_.resign)) return resign();
    compact();
  }

  void lose(std::size_t position) {
    auto& network = cluster_.network();
    network.erase(network.begin() + static_cast<std::ptrdiff_t>(position));
  }

  void deliver_one() {
    auto& network = cluster_.network();
    if (network.empty()) return;
    // Mostly in order; sometimes any.
    const std::size_t position = rng_.chance(1, 4) ? rng_.below(network.size()) : 0;
    const Message& message = network[position];
    if (cut_ && (message.from == *cut_) != (message.to == *cut_)) return lose(position);
    cluster_.deliver(position);
  }

  void wake_one() {
    const NodeId& id = any_node();
    const TimePoint due = cluster_.host(id).deadline;
    if (due == kNever) return;
    if (due > cluster_.now()) cluster_.advance(due - cluster_.now());
    cluster_.deadline(id);
  }

  // Leaders in quick succession, each with little time to replicate: the stuff of Figure 8.
  void elect() {
    cluster_.advance(milliseconds(600));
    cluster_.deadline(any_node());
    for (int i = 0; i < 40; ++i) {
      for (const NodeId& id : ids_)
        while (cluster_.persist(id)) {
        }
      const auto& network = cluster_.network();
      const auto vote = std::ranges::find_if(network, [](const Message& message) {
        return std::holds_alternative<VoteAsk>(message.body) ||
               std::holds_alternative<VoteReply>(message.body);
      });
      if (vote == network.end()) return;
      cluster_.deliver(static_cast<std::size_t>(vote - network.begin()));
    }
  }

  void propose() {
    const NodeId& id = likely_leader();
    std::vector<Proposal> proposals;
    const std::uint64_t count = rng_.between(1, 3);
    for (std::uint64_t i = 0; i < count; ++i) {
      ++request_;
      proposals.push_back({request_, Blob("command " + std::to_string(request_))});
    }
    cluster_.step(id, [&](Core& core, Effects& out) {
      core.propose(cluster_.now(), std::move(proposals), out);
    });
  }

  void read() {
    const NodeId& id = likely_leader();
    if (!cluster_.host(id).core) return;
    cluster_.oracle().read_asked(++request_);
    cluster_.step(id, [&](Core& core, Effects& out) { core.read(cluster_.now(), request_, out); });
  }

  void crash() {
    const NodeId& id = rng_.chance(1, 2) ? likely_leader() : any_node();
    const Host& host = cluster_.host(id);
    if (!host.core) return;
    applied_[id] = host.core->apply_limit();
    cluster_.crash(id, rng_.below(host.pending.size() + 1));
    if (rng_.chance(1, 2)) restart(id);
  }

  void restart(const NodeId& id) {
    const Host& host = cluster_.host(id);
    if (host.core) return;
    const std::uint64_t most = std::min<std::uint64_t>(applied_[id].value, host.log.size());
    cluster_.restart(id, LogIndex{rng_.between(host.base.value, most)});
  }

  void toggle_cut() {
    if (cut_) {
      cut_.reset();
    } else {
      cut_ = rng_.chance(1, 2) ? likely_leader() : any_node();
    }
  }

  void change() {
    const NodeId& leader = likely_leader();
    const NodeId& target = any_node();
    std::optional<Member> member;
    if (rng_.chance(1, 2))
      member = Member{.id = target, .address = target.value + ":2", .voter = rng_.chance(3, 4)};
    cluster_.step(leader, [&](Core& core, Effects& out) {
      core.change_membership(cluster_.now(), ++request_, target, std::move(member), out);
      result_.changes += out.accepted.size();
    });
  }

  void transfer() {
    const NodeId& leader = likely_leader();
    std::optional<NodeId> target;
    if (rng_.chance(1, 2)) target = any_node();
    cluster_.step(leader, [&](Core& core, Effects& out) {
      core.transfer(cluster_.now(), ++request_, std::move(target), out);
    });
  }

  void resign() {
    cluster_.step(likely_leader(),
                  [&](Core& core, Effects& out) { core.resign(cluster_.now(), out); });
  }

  void compact() {
    const NodeId& id = rng_.chance(1, 2) ? likely_leader() : any_node();
    const Host& host = cluster_.host(id);
    if (!host.core || host.core->apply_limit() <= host.base) return;
    const LogIndex base{rng_.between(host.base.value + 1, host.core->apply_limit().value)};
    cluster_.compact(id, base);
  }

  // Somebody's state at a committed index becomes a node's own: what it asked for, or now and then
  // what it did not.
  void image() {
    const NodeId* id = &any_node();
    for (const auto& [wanting, host] : cluster_.hosts())
      if (host.wanted) id = &wanting;
    const NodeId& from = likely_leader();
    const Host& host = cluster_.host(*id);
    const bool asked = host.wanted.has_value();
    if (*id == from || !host.core || (!asked && !rng_.chance(1, 8))) return;
    install(*id, from, asked ? host.wanted->at.index : LogIndex{});
  }

  // At `at` or later, if `from` can give that and `id` does not know it to be committed anyway.
  void install(const NodeId& id, const NodeId& from, LogIndex at) {
    const Host& host = cluster_.host(id);
    const Host& source = cluster_.host(from);
    if (!source.core) return;
    const LogIndex least = std::max({at, host.core->commit().next(), source.base});
    const LogIndex most = source.core->apply_limit();
    if (least > most) return;
    const LogIndex index{rng_.between(least.value, most.value)};
    cluster_.install_image(id, from, index, rng_.below(host.pending.size() + 1));
    applied_[id] = index;
    if (at.value > 0) ++result_.images;
  }

  // Everything works again: a leader must come, and commit something new everywhere.
  void heal() {
    cut_.reset();
    for (const NodeId& id : ids_) restart(id);
    for (int round = 0; round < 400 && !broken(); ++round) {
      settle();
      fetch_images();
      propose_goal();
      if (goal_ != Position{} && everybody_has(goal_.index)) return;
      wake_next();
    }
    if (!broken()) stuck_ = "stuck: the healed cluster does not commit" + describe();
  }

  std::string describe() {
    std::string text;
    for (const NodeId& id : ids_) text += "\n  " + format_status(cluster_.host(id));
    return text;
  }

  void settle() {
    for (int i = 0; i < 200; ++i) {
      bool moved = false;
      for (const NodeId& id : ids_) moved = cluster_.persist(id) || moved;
      if (!cluster_.network().empty()) {
        cluster_.deliver(0);
        moved = true;
      }
      if (!moved || broken()) return;
    }
  }

  // What is wanted is had, from whoever offered it.
  void fetch_images() {
    for (const NodeId& id : ids_) {
      const auto wanted = cluster_.host(id).wanted;
      if (wanted && wanted->from != id) install(id, wanted->from, wanted->at.index);
    }
  }

  void wake_next() {
    const NodeId* next = nullptr;
    for (const NodeId& id : ids_) {
      const TimePoint due = cluster_.host(id).deadline;
      if (due != kNever && (!next || due < cluster_.host(*next).deadline)) next = &id;
    }
    if (!next) return;
    const TimePoint due = cluster_.host(*next).deadline;
    if (due > cluster_.now()) cluster_.advance(due - cluster_.now());
    cluster_.deadline(*next);
  }

  // Proposes at a leader of a newer term than before, if there is one.
  void propose_goal() {
    for (const NodeId& id : ids_) {
      const Core& there = *cluster_.host(id).core;
      if (there.role() != Role::leader || there.term() <= goal_.term) continue;
      cluster_.step(id, [&](Core& core, Effects& out) {
        core.propose(cluster_.now(), {{++request_, Blob("healed")}}, out);
        if (!out.accepted.empty()) goal_ = out.accepted.front().at;
      });
    }
  }

  // On all members of the newest leader's membership.
  bool everybody_has(LogIndex goal) {
    const Core* leader = nullptr;
    for (const auto& [id, host] : cluster_.hosts()) {
      const bool leads = host.core->role() == Role::leader;
      if (leads && (!leader || host.core->term() > leader->term())) leader = host.core.get();
    }
    if (!leader || leader->commit() < goal) return false;
    for (const Member& member : leader->membership().members)
      if (cluster_.host(member.id).core->commit() < goal) return false;
    return true;
  }

  Rng rng_;
  Temper temper_;
  Cluster cluster_;
  std::vector<NodeId> ids_;
  std::optional<NodeId> cut_;
  std::map<NodeId, LogIndex> applied_;  // what the state machine kept of a crashed node
  RequestId request_ = 0;
  Position goal_;  // of the entry that must be committed everywhere once all is healed
  ScheduleResult result_;
  std::optional<std::string> stuck_;
};

}  // namespace

ScheduleResult run_schedule(std::uint64_t seed, std::uint64_t steps, Focus focus) {
  return Schedule(seed, focus).run(steps);
}

}  // namespace lockstep::raft::test
