// Latencies: durations of operations, kept whole, and their percentiles. One per run;
// single-threaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace lockstep::bench {

using Nanos = std::chrono::nanoseconds;

class Latencies {
 public:
  void add(Nanos latency) { values_.push_back(latency); }
  [[nodiscard]] std::uint64_t count() const { return values_.size(); }
  // The smallest recorded value that at least `per_mille` thousandths of all do not exceed; 0 if
  // there are none.
  [[nodiscard]] Nanos percentile(unsigned per_mille);
  [[nodiscard]] Nanos mean() const;

 private:
  std::vector<Nanos> values_;
  bool sorted_ = false;
};

}  // namespace lockstep::bench
