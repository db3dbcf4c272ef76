#include "storage/log_map.h"

#include <algorithm>

#include "base/check.h"

namespace lockstep::storage {

std::string_view LogMap::membership_at(LogIndex index) const {
  const auto above =
      std::upper_bound(memberships_.begin(), memberships_.end(), index,
                       [](LogIndex i, const auto& membership) { return i < membership.first; });
  return above == memberships_.begin() ? std::string_view(base_membership_)
                                       : std::string_view(std::prev(above)->second);
}

void LogMap::start(const SegmentHeader& header) {
  base_ = last_ = header.previous;
  base_membership_ = header.membership;
  chain_ = header.chain;
  batches_.clear();
  memberships_.clear();
}

void LogMap::continue_with(const SegmentHeader& header) {
  CHECK(header.previous.index <= last_.index);
  CHECK(header.chain == chain_ || header.chain.number > chain_.number);
  while (!batches_.empty() && batches_.back().first > header.previous.index) batches_.pop_back();
  while (!memberships_.empty() && memberships_.back().first > header.previous.index)
    memberships_.pop_back();
  last_ = header.previous;
  chain_ = header.chain;
  // Legal: a crash while segments were dropped left one whose entries a later one overrides.
  if (header.previous.index < base_.index) {
    base_ = header.previous;
    base_membership_ = header.membership;
  }
}

void LogMap::add_batch(BatchPlace place, Term last_term) {
  CHECK(place.first == last_.index.next());
  CHECK(place.header.number == chain_.number + 1);
  CHECK(place.header.chain == chain_.checksum);
  last_ = {place.first + (place.header.count - 1), last_term};
  chain_ = {place.header.number, place.header.checksum};
  batches_.push_back(place);
}

void LogMap::add_membership(LogIndex index, std::string_view encoded) {
  CHECK(memberships_.empty() || memberships_.back().first < index);
  memberships_.emplace_back(index, encoded);
}

void LogMap::drop_before(const SegmentHeader& header) {
  base_ = header.previous;
  base_membership_ = header.membership;
  while (!batches_.empty() && batches_.front().sequence < header.sequence) batches_.pop_front();
  while (!memberships_.empty() && memberships_.front().first <= base_.index)
    memberships_.pop_front();
}

std::size_t LogMap::batch_of(LogIndex index) const {
  CHECK(base_.index < index);
  CHECK(index <= last_.index);
  const auto above =
      std::upper_bound(batches_.begin(), batches_.end(), index,
                       [](LogIndex i, const BatchPlace& place) { return i < place.first; });
  CHECK(above != batches_.begin());
  return static_cast<std::size_t>(above - batches_.begin()) - 1;
}

LogIndex LogMap::batch_end(std::size_t i) const {
  return i + 1 < batches_.size() ? batches_[i + 1].first : last_.index.next();
}

}  // namespace lockstep::storage
