// What both searches do to a configuration: arrive at a position, let one operation take effect,
// leave. Templated on the number of words, because most histories need one.
#pragma once

#include <span>

#include "sim/check_bits.h"
#include "sim/check_search.h"

namespace lockstep::check {

inline constexpr std::size_t kStuckMax = 64;

template <std::size_t kWords>
class Moves {
 public:
  struct Configuration {
    State state = 0;
    Bits<kWords> bits;
  };

  explicit Moves(const Problem& problem) : problem_(problem) {}

  [[nodiscard]] std::span<const Candidate> writers(std::uint32_t at) const {
    const Position& p = problem_.positions[at];
    return std::span(problem_.writers).subspan(p.writers_begin, p.writers_end - p.writers_begin);
  }
  // Reads that fit take effect at once: waiting never helps a read, and its effect hinders nobody.
  void arrive(std::uint32_t at, Configuration& c) const {
    c.state = problem_.settle(c.state, at + 1);
    const Position& p = problem_.positions[at];
    for (std::uint32_t i = p.readers_begin; i < p.readers_end; ++i) {
      const Candidate& r = problem_.readers[i];
      if (problem_.apply(r, c.state) != kIllegal) c.bits.set(r.slot);
    }
  }
  // Lets `w` take effect if it may and its turn among equals has come.
  [[nodiscard]] bool move(std::uint32_t at, const Candidate& w, const Configuration& from,
                          Configuration& to) const {
    if (from.bits.has(w.slot)) return false;
    if (w.twin >= 0 && !from.bits.has(static_cast<std::uint32_t>(w.twin))) return false;
    const State after = problem_.apply(w, from.state);
    if (after == kIllegal) return false;
    to = {after, from.bits};
    to.bits.set(w.slot);
    if (w.code == Code::write && problem_.slots.reads < problem_.slots.hiding) {
      for (const Candidate& other : writers(at)) {
        if (other.hides) to.bits.set(other.slot);
      }
    }
    arrive(at, to);
    return true;
  }
  // The operation that returns here has taken effect; its bit is free again.
  [[nodiscard]] bool leave(std::uint32_t at, Configuration& c) const {
    const std::uint32_t slot = problem_.positions[at].slot;
    if (!c.bits.has(slot)) return false;
    c.bits.clear(slot);
    return true;
  }
  [[nodiscard]] Stuck stuck(std::uint32_t at, const Configuration& c) const {
    Stuck out{.state = c.state, .done = {}};
    const Position& p = problem_.positions[at];
    for (const Candidate& w : writers(at)) {
      if (c.bits.has(w.slot)) out.done.push_back(w.step);
    }
    for (std::uint32_t i = p.readers_begin; i < p.readers_end; ++i) {
      if (c.bits.has(problem_.readers[i].slot)) out.done.push_back(problem_.readers[i].step);
    }
    return out;
  }

 private:
  const Problem& problem_;
};

// Calls the function object with the number of words the problem needs as a template argument.
template <class Search1>
Search with_words(const Problem& problem, Search1 search) {
  if (problem.slots.all <= 64) return search.template operator()<1>();
  if (problem.slots.all <= 128) return search.template operator()<2>();
  return search.template operator()<kSlotsMax / 64>();
}

}  // namespace lockstep::check
