// A history compiled for the search: one Problem per independent object, with values and states
// numbered, operations that cannot matter left out, and the open operations of every decisive
// moment laid out in advance. What it promises: the Problem has a legal order if and only if the
// object's part of the history has one.
//
// Decisive moments ("positions") are the returns of operations that must take effect: only there
// can an order become impossible. Calls need no moment of their own, because delaying a
// linearization to the next return loses nothing (Lowe, "Testing for linearizability", 2017).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/history.h"

namespace lockstep::check {

// mutex is a cas-register between "free" and "held"; kv is put/get/append on strings.
enum class Model { reg, cas_register, mutex, kv, multi_register };

using State = std::uint32_t;
// The operation cannot happen in that state.
inline constexpr State kIllegal = 0xffff'ffff;
// Stands for every value that nobody looks at any more, so that they count as one.
inline constexpr State kDead = 0;

enum class Code : std::uint8_t { write, read, cas, miss, table };

// One operation that is open at a position and may be linearized there.
struct Candidate {
  Code code = Code::write;
  bool hides = false;      // nobody looks at its value: it may pass unseen before another write
  std::uint16_t slot = 0;  // its bit
  std::int16_t twin = -1;  // slot of an equal operation that must go first; -1 if none
  State a = 0;             // read, cas, miss: the value looked for
  State b = 0;             // write, cas: the value left behind
  std::uint32_t step = 0;  // number of the operation in Problem::operations
};

struct Position {
  std::uint32_t step = 0;  // the operation that returns here
  std::uint16_t slot = 0;
  std::uint32_t writers_begin = 0, writers_end = 0;  // into Problem::writers, first to return first
  std::uint32_t readers_begin = 0, readers_end = 0;  // into Problem::readers
};

// Steps of models whose states are not plain numbers. Owned by its Problem; fills itself lazily.
class StateTable {
 public:
  virtual ~StateTable() = default;
  // The state after operation `step` of the problem, or kIllegal.
  virtual State next(State state, std::uint32_t step) = 0;
  // The last position at which anybody can tell the state from kDead.
  virtual std::uint32_t needed_until(State state) = 0;
  virtual std::string describe(State state) = 0;
};

// Bits of the open operations are handed out from four ranges, so that what a bit means never
// depends on the position: [0, maybe) operations that need not happen, [maybe, reads) pure reads,
// [reads, hiding) writes nobody looks at, [hiding, all) the rest.
struct SlotRanges {
  std::uint32_t maybe = 0, reads = 0, hiding = 0, all = 0;
};

struct Problem {
  std::vector<std::uint32_t> operations;  // step number -> operation of the history
  std::vector<Position> positions;        // positions[i] is position number i + 1
  std::vector<Candidate> writers;
  std::vector<Candidate> readers;
  SlotRanges slots;
  State initial = kDead;
  // By state, for models without a table: the last position number at which the value matters (0:
  // never), and its text.
  std::vector<std::uint32_t> needed_until;
  std::vector<Value> values;
  std::unique_ptr<StateTable> table;
  std::string object;  // the key, or "" if there is only one object

  [[nodiscard]] State settle(State state, std::uint32_t position) const {
    if (state == kDead) return kDead;
    const std::uint32_t until = table ? table->needed_until(state) : needed_until[state];
    return until < position ? kDead : state;
  }
  [[nodiscard]] State apply(const Candidate& c, State state) const {
    switch (c.code) {
      case Code::write:
        return c.b;
      case Code::read:
        return state == c.a ? state : kIllegal;
      case Code::cas:
        return state == c.a ? c.b : kIllegal;
      case Code::miss:
        return state != c.a ? state : kIllegal;
      case Code::table:
        return table->next(state, c.step);
    }
    return kIllegal;
  }
  [[nodiscard]] std::string describe_state(State state) const;
};

// More operations than this open at once are not searched.
inline constexpr std::uint32_t kSlotsMax = 256;

// Independent parts of the history: for each, the operations (ascending) that touch one object.
// multi_register: objects are joined by the transactions that touch both.
struct Part {
  std::string object;
  std::vector<std::uint32_t> operations;
};
std::vector<Part> split(const History& history, Model model);

// An operation that is ok but open need not happen, but if it does it has its result: so is a
// history cut short. invalid: an operation has a kind that the model does not know.
Result<Problem> compile(const History& history, const Part& part, Model model,
                        const Value& initial);

}  // namespace lockstep::check
