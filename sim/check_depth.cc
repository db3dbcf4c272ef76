// Depth first, with an explicit stack and one memory of all configurations met. A configuration
// dominated by one that failed, or by one still on the stack, cannot be on the shortest way to a
// legal order, so it is cut.
#include <vector>

#include "sim/check_moves.h"

namespace lockstep::check {

namespace {

template <std::size_t kWords>
class Depth {
 public:
  using Configuration = typename Moves<kWords>::Configuration;

  Depth(const Problem& problem, const Budget& budget)
      : problem_(problem), budget_(budget), moves_(problem), met_(problem.slots) {}

  Search run() {
    Search out;
    if (descend(0, {problem_.initial, {}})) {
      out.found = Found::legal;
      return out;
    }
    while (!stack_.empty()) {
      if (steps_ > budget_.steps || met_.size() > budget_.configurations || stopped()) {
        out.steps = steps_;
        return out;
      }
      Frame& top = stack_.back();
      const auto writers = moves_.writers(top.at);
      if (top.next == writers.size()) {
        stack_.pop_back();
        continue;
      }
      Configuration to;
      ++steps_;
      const std::uint32_t at = top.at;
      if (moves_.move(at, writers[top.next++], top.configuration, to) && descend(at, to)) {
        out.found = Found::legal;
        break;
      }
    }
    out.steps = steps_;
    if (out.found == Found::legal) return out;
    out.found = Found::illegal;
    out.failed_at = deepest_;
    out.stuck = stuck_;
    return out;
  }

 private:
  struct Frame {
    std::uint32_t at = 0;
    std::uint32_t next = 0;  // candidate to try next
    Configuration configuration;
  };

  bool stopped() const { return budget_.stop && steps_ % 65'536 == 65'535 && budget_.stop(); }

  // Passes every position whose operation has taken effect; true at the end of the history.
  // Otherwise a new configuration goes on the stack.
  bool descend(std::uint32_t at, Configuration c) {
    for (;; ++at) {
      if (at == problem_.positions.size()) return true;
      moves_.arrive(at, c);
      if (!moves_.leave(at, c)) break;
    }
    if (!met_.insert(at, c.state, c.bits)) return false;
    if (at > deepest_) {
      deepest_ = at;
      stuck_.clear();
    }
    if (at == deepest_ && stuck_.size() < kStuckMax) stuck_.push_back(moves_.stuck(at, c));
    stack_.push_back({at, 0, c});
    return false;
  }

  const Problem& problem_;
  const Budget& budget_;
  Moves<kWords> moves_;
  Configurations<kWords> met_;
  std::vector<Frame> stack_;
  std::uint64_t steps_ = 0;
  std::uint32_t deepest_ = 0;
  std::vector<Stuck> stuck_;
};

}  // namespace

Search search_depth(const Problem& problem, const Budget& budget) {
  return with_words(problem,
                    [&]<std::size_t kWords>() { return Depth<kWords>(problem, budget).run(); });
}

}  // namespace lockstep::check
