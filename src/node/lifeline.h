// Lifeline: lets a task that runs later find out whether its owner is still there. A node may be
// destroyed between any two turns, and tasks it left with the world must then do nothing.
#pragma once

#include <memory>
#include <utility>

namespace lockstep::node {

class Lifeline {
 public:
  Lifeline() = default;
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;

  // `task` wrapped so that it does nothing once this Lifeline is gone. Arguments are passed on.
  template <class Task>
  auto guard(Task task) const {
    return [alive = std::weak_ptr<const char>(alive_),
            task = std::move(task)](auto&&... arguments) mutable {
      if (!alive.expired()) task(std::forward<decltype(arguments)>(arguments)...);
    };
  }

 private:
  std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace lockstep::node
