#include "bench/latencies.h"

#include <algorithm>
#include <numeric>

namespace lockstep::bench {

Nanos Latencies::percentile(unsigned per_mille) {
  if (values_.empty()) return Nanos{0};
  if (!sorted_) std::sort(values_.begin(), values_.end());
  sorted_ = true;
  const std::size_t rank = (values_.size() * per_mille + 999) / 1000;
  return values_[std::max<std::size_t>(rank, 1) - 1];
}

Nanos Latencies::mean() const {
  if (values_.empty()) return Nanos{0};
  const auto sum = std::accumulate(values_.begin(), values_.end(), Nanos{0});
  return sum / static_cast<std::int64_t>(values_.size());
}

}  // namespace lockstep::bench
