// Workload: what simulated clients ask, as requests of the public API, and what the answers mean
// for the record that is judged at the end.
//
// Tables: kv (registers with unique values), counter (one number that only grows), bank (transfers
// keep the sum), noise (rows full of what replicas could disagree on).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/handler.h"
#include "base/rng.h"
#include "sim/answer.h"
#include "sim/history.h"
#include "sim/swarm.h"

namespace lockstep::sim {

inline constexpr std::int64_t kAccounts = 3;
inline constexpr std::int64_t kBalance = 100;  // of each account at first

struct Tag {
  std::int64_t value = 0;
  check::Outcome outcome = check::Outcome::info;
};

// Everything clients did and saw.
struct Record {
  check::History history{.operations = {}, .log = {}, .unit = check::TimeUnit::nanosecond};
  std::vector<Tag> tags;  // rows inserted into noise
  std::uint64_t increments_ok = 0;
  std::uint64_t increments_unknown = 0;
  std::int64_t last_value = 0;  // unique values are numbered from 1
  struct Count {
    std::uint64_t ok = 0, failed = 0, unknown = 0;
  };
  std::array<Count, kActs> counts{};
  [[nodiscard]] std::uint64_t operations() const;
};

// One request of a client, and what is needed to understand its answer.
struct Task {
  Act act = Act::write;
  check::Level level = check::Level::linearizable;
  std::int64_t key = 0;
  std::int64_t value = 0;
  std::int64_t expected = 0;
  std::size_t machine = 0;
};

api::Request setup_request();
api::Request make_request(const Task& task, std::size_t keys, Duration timeout, bool unified);
// "SELECT ..." of a whole table at level none, for comparing replicas.
api::Request dump_request(const std::string& sql, check::Level level);

// What the answer breaks all by itself (a sum that changed, a SQL error that cannot be); else
// nothing. Adds the operation to the record. `client` is the process number.
struct Observed {
  const Task& task;
  const Exchange& exchange;
  const Answer& answer;
  std::uint64_t client = 0;
  std::int64_t called = 0;
  std::int64_t returned = 0;
  std::string node;  // whose state answered a read at level none
  std::size_t keys = 0;
};
std::optional<std::string> add_to_record(const Observed& seen, Record& record);

}  // namespace lockstep::sim
