// The imagined cluster: a log, and nodes that have applied a part of it.
#include "tests/check/cluster_history.h"

#include <algorithm>
#include <map>

namespace lockstep::check {

namespace {

using Store = std::map<std::string, Value>;

class Cluster {
 public:
  Cluster(Rng& rng, const ClusterShape& shape) : rng_(rng), shape_(shape) {
    nodes_.resize(shape.nodes);
    clients_.resize(shape.clients);
    states_.emplace_back();
  }

  History run() {
    while (!done()) {
      now_ += static_cast<std::int64_t>(rng_.between(1, 1000));
      const std::uint64_t die = rng_.below(10);
      if (die < 2) {
        advance_node();
      } else {
        const auto client = static_cast<std::size_t>(rng_.below(clients_.size()));
        turn(clients_[client], client);
      }
    }
    history_.unit = TimeUnit::nanosecond;
    return std::move(history_);
  }

 private:
  struct Node {
    std::size_t applied = 0;
    std::uint64_t start = 1;
  };
  struct Client {
    std::optional<std::size_t> operation;
    bool happened = false;
    std::size_t node = 0;
    std::uint64_t number = 0;
  };

  bool done() const {
    return history_.operations.size() >= shape_.operations &&
           std::ranges::none_of(clients_, [](const Client& c) { return c.operation.has_value(); });
  }
  void advance_node() {
    Node& node = nodes_[rng_.below(nodes_.size())];
    if (rng_.chance(1, 12)) {
      ++node.start;
      node.applied = rng_.below(node.applied + 1);
      for (Client& c : clients_) {
        // Reads of the old start that were not answered yet are not answered by the new one.
        if (c.operation && &nodes_[c.node] == &node && !c.happened) stamp(c);
      }
      return;
    }
    node.applied = rng_.between(node.applied, states_.size() - 1);
  }
  void stamp(const Client& c) {
    Operation& o = history_.operations[*c.operation];
    if (o.level == Level::none && is_pure_read(o)) {
      o.node = "n" + std::to_string(c.node + 1);
      o.start = nodes_[c.node].start;
    }
  }
  void turn(Client& c, std::size_t slot) {
    if (!c.operation) {
      if (history_.operations.size() < shape_.operations) begin(c, slot);
      return;
    }
    Operation& o = history_.operations[*c.operation];
    const bool writes = !is_pure_read(o);
    if (!c.happened && !(writes && rng_.chance(1, 12))) {
      happen(o, c);
      c.happened = true;
      return;
    }
    c.operation.reset();
    if (!c.happened && rng_.chance(1, 2)) {
      o.outcome = Outcome::fail;
      o.returned = now_;
    } else if (!c.happened || (writes && rng_.chance(1, 12))) {
      o.outcome = Outcome::info;
      o.matched = true;
      ++c.number;
    } else {
      o.outcome = Outcome::ok;
      o.returned = now_;
    }
  }
  std::string key(std::uint64_t i) const { return "k" + std::to_string(i); }

  void begin(Client& c, std::size_t slot) {
    Operation o;
    o.client = slot + 100 * c.number;
    o.called = now_;
    o.key = key(rng_.below(shape_.keys));
    const std::uint64_t die = rng_.below(10);
    if (die < 6) {
      o.kind = Kind::read;
      static constexpr Level kLevels[] = {Level::none, Level::weak, Level::linearizable,
                                          Level::strong};
      o.level = kLevels[rng_.below(4)];
      if (shape_.multi_reads && rng_.chance(1, 3)) {
        o.kind = Kind::txn;
        o.key.clear();
        for (std::uint64_t i = 0; i < shape_.keys; ++i)
          o.accesses.push_back({false, key(i), {}, true});
      }
    } else {
      o.kind = die < 9 ? Kind::write : Kind::cas;
      o.value = std::to_string(++last_value_);
      if (o.kind == Kind::write && shape_.deletes && rng_.chance(1, 6)) o.value.reset();
      if (o.kind == Kind::cas) o.expected = value_at(states_.back(), o.key);
    }
    c.node = static_cast<std::size_t>(rng_.below(nodes_.size()));
    c.happened = false;
    c.operation = history_.operations.size();
    history_.operations.push_back(std::move(o));
    stamp(c);
  }
  static Value value_at(const Store& store, const std::string& key) {
    const auto at = store.find(key);
    return at == store.end() ? Value() : at->second;
  }

  void happen(Operation& o, const Client& c) {
    if (is_pure_read(o)) {
      const Store& store = states_[place_read(o, c)];
      if (o.kind == Kind::read) o.value = value_at(store, o.key);
      for (Access& a : o.accesses) a.value = value_at(store, a.key);
      return;
    }
    o.matched = o.kind == Kind::write || value_at(states_.back(), o.key) == o.expected;
    if (!o.matched) return;
    Store next = states_.back();
    next[o.key] = o.value;
    states_.push_back(std::move(next));
    o.index = 10 + states_.size();
    history_.log.push_back({.index = *o.index, .key = o.key, .value = o.value});
  }
  std::size_t place_read(const Operation& o, const Client& c) {
    const std::size_t newest = states_.size() - 1;
    if (o.level == Level::none) return nodes_[c.node].applied;
    if (o.level == Level::weak) return newest - rng_.below(std::min<std::size_t>(newest, 3) + 1);
    return newest;
  }

  Rng& rng_;
  const ClusterShape& shape_;
  History history_;
  std::vector<Node> nodes_;
  std::vector<Client> clients_;
  std::vector<Store> states_;
  std::uint64_t last_value_ = 0;
  std::int64_t now_ = 0;
};

}  // namespace

History cluster_history(Rng& rng, const ClusterShape& shape) {
  return Cluster(rng, shape).run();
}

History linearizable_part(const History& history) {
  History out{.operations = {}, .log = {}, .unit = history.unit};
  for (const Operation& o : history.operations) {
    const bool read = is_pure_read(o);
    if (read && (o.kind == Kind::txn || o.level < Level::linearizable)) continue;
    out.operations.push_back(o);
  }
  return out;
}

}  // namespace lockstep::check
