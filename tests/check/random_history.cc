// Clients take turns at random; each operation takes effect at a random turn between its call and
// its return, or never if nobody saw it end.
#include "tests/check/random_history.h"

#include <map>

namespace lockstep::check {

namespace {

class Generator {
 public:
  Generator(Rng& rng, const RandomShape& shape) : rng_(rng), shape_(shape) {
    clients_.resize(shape.clients);
  }

  History run() {
    while (!done()) {
      const auto client = static_cast<std::size_t>(rng_.below(clients_.size()));
      turn(clients_[client], client);
    }
    return std::move(history_);
  }

 private:
  struct Client {
    std::optional<std::size_t> operation;
    bool happened = false;
    std::uint64_t number = 0;  // of clients that followed each other here
  };

  bool done() const {
    if (history_.operations.size() < shape_.operations) return false;
    for (const Client& c : clients_) {
      if (c.operation) return false;
    }
    return true;
  }
  void turn(Client& c, std::size_t slot) {
    if (!rng_.chance(shape_.ties_percent, 100)) ++now_;
    if (!c.operation) {
      if (history_.operations.size() == shape_.operations) return;
      c.operation = history_.operations.size();
      c.happened = false;
      Operation o = draw();
      o.client = slot + c.number * shape_.clients;
      o.called = now_;
      history_.operations.push_back(std::move(o));
      return;
    }
    Operation& o = history_.operations[*c.operation];
    const bool info = rng_.chance(shape_.info_percent, 100);
    if (!c.happened && !info) {
      happen(o);
      c.happened = true;
      return;
    }
    c.operation.reset();
    if (info) {  // The client gave up; the operation may have happened.
      o.outcome = Outcome::info;
      o.matched = true;
      ++c.number;
      return;
    }
    o.returned = now_;
    if (o.outcome == Outcome::ok && rng_.chance(shape_.wrong_percent, 100)) spoil(o);
  }
  std::string key() { return std::string(1, static_cast<char>('a' + rng_.below(shape_.keys))); }
  Value value() { return std::to_string(rng_.below(shape_.values)); }

  Operation draw() {
    Operation o;
    o.key = key();
    const std::uint64_t die = rng_.below(10);
    switch (shape_.model) {
      case Model::reg:
        o.kind = die < 5 ? Kind::read : Kind::write;
        break;
      case Model::cas_register:
        o.kind = die < 4 ? Kind::read : die < 7 ? Kind::write : Kind::cas;
        break;
      case Model::mutex:
        o.kind = die < 5 ? Kind::acquire : Kind::release;
        break;
      case Model::kv:
        o.kind = die < 4 ? Kind::read : die < 9 ? Kind::append : Kind::write;
        break;
      case Model::multi_register:
        o.kind = Kind::txn;
        o.key.clear();
        for (std::uint64_t n = rng_.between(1, 3); n > 0; --n) {
          const bool writes = rng_.chance(1, 2);
          std::string at = key();
          o.accesses.push_back({writes, std::move(at), value(), true});
        }
        break;
    }
    if (o.kind == Kind::write || o.kind == Kind::cas || o.kind == Kind::append) o.value = value();
    if (o.kind == Kind::cas) o.expected = value();
    return o;
  }

  Value& cell(const std::string& key) {
    const Value fresh = shape_.model == Model::kv ? Value("") : Value();
    return store_.try_emplace(key, fresh).first->second;
  }
  void happen(Operation& o) {
    o.outcome = Outcome::ok;
    Value& at = cell(o.key);
    switch (o.kind) {
      case Kind::read:
        o.value = at;
        break;
      case Kind::write:
        at = o.value;
        break;
      case Kind::append:
        at = at.value_or("") + *o.value;
        break;
      case Kind::cas:
        o.matched = at == o.expected;
        if (o.matched) at = o.value;
        break;
      case Kind::acquire:
      case Kind::release: {
        const bool held = at == "held";
        if (held != (o.kind == Kind::release))
          o.outcome = Outcome::fail;
        else
          at = held ? "free" : "held";
        break;
      }
      case Kind::txn:
        for (Access& a : o.accesses) {
          if (a.writes)
            cell(a.key) = a.value;
          else
            a.value = cell(a.key);
        }
    }
  }
  void spoil(Operation& o) {
    switch (o.kind) {
      case Kind::read:
        o.value = value();
        if (shape_.model == Model::kv && rng_.chance(1, 2)) o.value = *value() + *value();
        break;
      case Kind::cas:
        o.matched = !o.matched;
        break;
      case Kind::acquire:
        o.kind = Kind::release;
        break;
      case Kind::release:
        o.kind = Kind::acquire;
        break;
      case Kind::txn:
        for (Access& a : o.accesses) {
          if (!a.writes) a.value = value();
        }
        break;
      default:
        o.outcome = Outcome::fail;  // Refused, though it happened.
    }
  }

  Rng& rng_;
  const RandomShape& shape_;
  History history_;
  std::vector<Client> clients_;
  std::map<std::string, Value> store_;
  std::int64_t now_ = 0;
};

}  // namespace

History random_history(Rng& rng, const RandomShape& shape) {
  return Generator(rng, shape).run();
}

}  // namespace lockstep::check
