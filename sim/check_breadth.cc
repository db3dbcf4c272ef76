// Breadth first: the set of all configurations that can stand before a position, then all that can
// stand behind it. An empty set names the failing operation.
#include <utility>
#include <vector>

#include "sim/check_moves.h"

namespace lockstep::check {

namespace {

template <std::size_t kWords>
class Breadth {
 public:
  using Configuration = typename Moves<kWords>::Configuration;

  Breadth(const Problem& problem, const Budget& budget)
      : problem_(problem),
        budget_(budget),
        moves_(problem),
        before_(problem.slots),
        behind_(problem.slots),
        closure_(problem.slots) {}

  Search run() {
    Search out;
    before_.insert(0, problem_.initial, {});
    for (std::uint32_t at = 0; at < problem_.positions.size(); ++at) {
      if (!pass(at)) {
        out.steps = steps_;
        return out;
      }
      if (behind_.size() == 0) {
        out.found = Found::illegal;
        out.failed_at = at;
        for (std::size_t i = 0; i < closure_.size() && out.stuck.size() < kStuckMax; ++i) {
          out.stuck.push_back(moves_.stuck(at, {closure_.state(i), closure_.bits(i)}));
        }
        break;
      }
      before_.swap(behind_);
    }
    if (out.found != Found::illegal) out.found = Found::legal;
    out.steps = steps_;
    return out;
  }

 private:
  // False if the budget is spent.
  bool pass(std::uint32_t at) {
    behind_.clear();
    closure_.clear();
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (before_.dominated(i)) continue;
      Configuration c{before_.state(i), before_.bits(i)};
      moves_.arrive(at, c);
      file(at, c);
    }
    for (std::size_t i = 0; i < closure_.size(); ++i) {
      if (closure_.dominated(i)) continue;
      const Configuration from{closure_.state(i), closure_.bits(i)};
      for (const Candidate& w : moves_.writers(at)) {
        ++steps_;
        if (spent()) return false;
        Configuration to;
        if (moves_.move(at, w, from, to)) file(at, to);
      }
    }
    return true;
  }
  // Behind the position if its operation has taken effect, else to be continued here.
  void file(std::uint32_t at, Configuration c) {
    if (moves_.leave(at, c)) {
      c.state = problem_.settle(c.state, at + 2);
      behind_.insert(0, c.state, c.bits);
    } else {
      closure_.insert(0, c.state, c.bits);
    }
  }
  [[nodiscard]] bool spent() const {
    if (steps_ > budget_.steps) return true;
    if (closure_.size() + behind_.size() > budget_.configurations) return true;
    return budget_.stop && steps_ % 65'536 == 0 && budget_.stop();
  }

  const Problem& problem_;
  const Budget& budget_;
  Moves<kWords> moves_;
  Configurations<kWords> before_;
  Configurations<kWords> behind_;
  Configurations<kWords> closure_;
  std::uint64_t steps_ = 0;
};

}  // namespace

Search search_breadth(const Problem& problem, const Budget& budget) {
  return with_words(problem,
                    [&]<std::size_t kWords>() { return Breadth<kWords>(problem, budget).run(); });
}

}  // namespace lockstep::check
