#include "storage/batch_cache.h"

#include <utility>

namespace lockstep::storage {
namespace {

constexpr std::size_t kBatchesMax = 4;  // for as many followers that catch up at the same time
constexpr std::size_t kBatchBytesMax = 8u << 20;

}  // namespace

std::shared_ptr<const DecodedBatch> BatchCache::find(const BatchPlace& place) const {
  for (const Kept& each : kept_)
    if (each.number == place.header.number && each.checksum == place.header.checksum)
      return each.batch;
  return nullptr;
}

void BatchCache::keep(const BatchPlace& place, std::shared_ptr<const DecodedBatch> batch) {
  if (batch->bytes.size() > kBatchBytesMax || find(place)) return;
  if (kept_.size() == kBatchesMax) kept_.pop_front();
  kept_.push_back({place.header.number, place.header.checksum, std::move(batch)});
}

}  // namespace lockstep::storage
