// A history: what clients asked and what they were told, with the moments of both. It is a value,
// filled by the simulator in memory or by the parsers of history_parse.h, and judged by the
// checkers (check_linear.h, check_levels.h). It knows nothing of nodes beyond their names.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace lockstep::check {

// A value as a client sees it: its text, or nothing (SQL NULL, key absent). Integers are decimal
// text.
using Value = std::optional<std::string>;

enum class Kind {
  read,     // one key
  write,    // sets one key
  cas,      // sets one key if it holds `expected`
  append,   // appends text to one key
  acquire,  // mutex: legal if free
  release,  // mutex: legal if held
  txn,      // several accesses, in order and atomically; a multi-key SELECT is one without writes
};

// ok: happened. fail: certainly did not happen, now or later. info: may have happened, or may
// still, or never will.
enum class Outcome { ok, fail, info };

// The level a read was asked at. `auto` is recorded as what it resolved to.
enum class Level { none, weak, linearizable, strong };

// One step of a txn.
struct Access {
  bool writes = false;
  std::string key;
  Value value;        // written, or seen
  bool known = true;  // false: a read whose result is not recorded; it constrains nothing

  friend bool operator==(const Access&, const Access&) = default;
};

// The return time of an operation that nobody saw end.
inline constexpr std::int64_t kOpen = std::numeric_limits<std::int64_t>::max();

struct Operation {
  std::uint64_t client = 0;
  std::string node;         // whose state answered; "" if not known
  std::uint64_t start = 0;  // how often that node had started: reads may go back across starts
  Kind kind = Kind::read;
  std::string key;
  Value value;                   // write, append, cas: the argument; read: the result
  Value expected;                // cas: the old value
  bool matched = true;           // cas with outcome ok: false if it found another value
  bool known = true;             // read with outcome ok: false if the result matches anything
  std::vector<Access> accesses;  // txn

  // Moments on one line (virtual nanoseconds, or event numbers). An operation precedes another if
  // it returned strictly before the other's call; equal moments are concurrent.
  std::int64_t called = 0;
  std::int64_t returned = kOpen;
  Outcome outcome = Outcome::info;
  Level level = Level::linearizable;
  std::optional<std::uint64_t> index;  // of the log entry, if the answer named it

  friend bool operator==(const Operation&, const Operation&) = default;
};

// One committed write in log order. Several with the same index belong to one entry.
struct LoggedWrite {
  std::uint64_t index = 0;
  std::string key;
  Value value;  // nothing: deleted

  friend bool operator==(const LoggedWrite&, const LoggedWrite&) = default;
};

enum class TimeUnit { event, nanosecond };

struct History {
  std::vector<Operation> operations;
  std::vector<LoggedWrite> log;  // ascending index; empty if not known
  TimeUnit unit = TimeUnit::event;

  friend bool operator==(const History&, const History&) = default;
};

// True if the operation cannot change anything.
bool is_pure_read(const Operation& operation);

// "read(x) = 3 by client 7 on node n2, 12.310 s to 12.318 s", for people.
std::string describe(const Operation& operation, TimeUnit unit);
// "read(x) = 3", "cas(x, 1 -> 2)".
std::string describe_call(const Operation& operation);
// "3", or "nil".
std::string describe_value(const Value& value);
std::string describe_time(std::int64_t time, TimeUnit unit);
const char* kind_name(Kind kind);
const char* outcome_name(Outcome outcome);
const char* level_name(Level level);

}  // namespace lockstep::check
