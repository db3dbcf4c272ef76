#include "sql/sum_table.h"

namespace lockstep::sql {

std::uint64_t SumTable::get(std::uint64_t index) {
  Stripe& stripe = stripes_[index % kStripes];
  const Held held(stripe.lock);
  const std::uint64_t at = index / kStripes;
  return at < stripe.sums.size() ? stripe.sums[at] : kUnknown;
}

void SumTable::set(std::uint64_t index, std::uint64_t sum) {
  Stripe& stripe = stripes_[index % kStripes];
  const Held held(stripe.lock);
  const std::uint64_t at = index / kStripes;
  if (at >= stripe.sums.size()) stripe.sums.resize(at + 1, kUnknown);
  stripe.sums[at] = sum;
}

void SumTable::cut(std::uint64_t count) {
  for (std::uint64_t rest = 0; rest < kStripes; ++rest) {
    Stripe& stripe = stripes_[rest];
    const std::uint64_t keep = count > rest ? (count - rest - 1) / kStripes + 1 : 0;
    const Held held(stripe.lock);
    if (keep < stripe.sums.size()) stripe.sums.resize(keep);
  }
}

Status SyncWatch::seen(Status synced) {
  const Held held(lock_);
  failed_ = failed_ || !synced;
  return synced;
}

std::unexpected<Error> SyncWatch::mismatch(const std::string& what) {
  const Held held(lock_);
  const std::string text = what + " is not what was written there";
  if (failed_) return fail(Errc::io, text + ": a sync has failed");
  return fail(Errc::corrupt, text);
}

}  // namespace lockstep::sql
