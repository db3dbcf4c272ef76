// Ids are types, so that a term is never passed for an index (style guide: two integers side by
// side). All of them are values: copyable, totally ordered, printable with to_string().
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace lockstep {

// A Raft term. 0 is "before any election"; real terms start at 1.
struct Term {
  std::uint64_t value = 0;
  friend auto operator<=>(const Term&, const Term&) = default;
  [[nodiscard]] Term next() const { return {value + 1}; }
};

// Position of an entry in the replicated log. 0 is "before the first entry"; entries start at 1.
struct LogIndex {
  std::uint64_t value = 0;
  friend auto operator<=>(const LogIndex&, const LogIndex&) = default;
  [[nodiscard]] LogIndex next() const { return {value + 1}; }
  // The index before this one. Precondition: value > 0.
  [[nodiscard]] LogIndex prev() const { return {value - 1}; }
  friend LogIndex operator+(LogIndex i, std::uint64_t n) { return {i.value + n}; }
  // Number of entries in [b, a). Precondition: b <= a.
  friend std::uint64_t operator-(LogIndex a, LogIndex b) { return a.value - b.value; }
};

// Names one durable write of the consensus core; strictly increasing within one run of a node.
struct Ticket {
  std::uint64_t value = 0;
  friend auto operator<=>(const Ticket&, const Ticket&) = default;
};

// A node's name in the cluster: unique, chosen by the operator, never changed. Never empty.
struct NodeId {
  std::string value;
  friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

// Names a cluster, from its founding on: 128 bits drawn once. So nodes of two clusters that were
// given the same names and addresses can tell each other apart. Nil: no cluster yet.
struct ClusterId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const ClusterId&, const ClusterId&) = default;
  [[nodiscard]] bool is_nil() const { return high == 0 && low == 0; }
};

inline std::string to_string(Term t) {
  return std::to_string(t.value);
}
inline std::string to_string(LogIndex i) {
  return std::to_string(i.value);
}
inline std::string to_string(Ticket t) {
  return std::to_string(t.value);
}
inline const std::string& to_string(const NodeId& n) {
  return n.value;
}
// 32 hexadecimal digits.
std::string to_string(ClusterId id);

}  // namespace lockstep
