#include "sql/frame_sums.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/bugs.h"
#include "base/hash.h"
#include "sql/vfs.h"
#include "sql/wal_format.h"

namespace lockstep::sql {

class FrameSums::Guarded final : public env::File {
 public:
  Guarded(FrameSums& sums, std::unique_ptr<env::File> wal) : sums_(sums), wal_(std::move(wal)) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    if (into.empty()) return std::size_t{0};
    const std::uint64_t begin = sums_.extent_at(offset).begin;
    const std::uint64_t end = sums_.extent_at(offset + into.size() - 1).end;
    if (begin == offset && end == offset + into.size()) return read_whole(offset, into);
    std::vector<char> buffer(end - begin);
    TRY_ASSIGN(const std::size_t got, read_whole(begin, buffer));
    const std::size_t skip = offset - begin;
    const std::size_t part = std::min(into.size(), got - std::min(got, skip));
    if (part > 0) std::memcpy(into.data(), buffer.data() + skip, part);
    return part;
  }

  Status write(std::uint64_t offset, std::string_view bytes) override {
    if (offset == 0) sums_.cut(0);  // a new header: nobody needs the frames of before
    auto done = wal_->write(offset, bytes);
    if (done)
      sums_.learn(offset, bytes);
    else
      sums_.forget(offset, bytes.size());
    return done;
  }

  Status truncate(std::uint64_t size) override {
    sums_.cut(size);
    return wal_->truncate(size);
  }

  Status sync() override { return sums_.syncs_.seen(wal_->sync()); }
  Result<std::uint64_t> size() override { return wal_->size(); }

 private:
  Result<std::size_t> read_whole(std::uint64_t offset, std::span<char> into) {
    TRY_ASSIGN(const std::size_t got, wal_->read(offset, into));
    TRY(sums_.verify(offset, into.size(), std::string_view(into.data(), got)));
    return got;
  }

  FrameSums& sums_;
  std::unique_ptr<env::File> wal_;
};

std::unique_ptr<env::File> FrameSums::guard(std::unique_ptr<env::File> wal) {
  return std::make_unique<Guarded>(*this, std::move(wal));
}

FrameSums::Extent FrameSums::extent_at(std::uint64_t offset) {
  if (offset < kWalHeaderBytes)
    return {.sums = headers_, .frame = 0, .begin = 0, .end = kWalHeaderBytes};
  constexpr std::uint64_t kFrameBytes = kWalFrameHeaderBytes + kPageBytes;
  const std::uint64_t number = (offset - kWalHeaderBytes) / kFrameBytes;
  const std::uint64_t begin = kWalHeaderBytes + number * kFrameBytes;
  const std::uint64_t page = begin + kWalFrameHeaderBytes;
  if (offset < page) return {.sums = headers_, .frame = number + 1, .begin = begin, .end = page};
  return {.sums = pages_, .frame = number + 1, .begin = page, .end = page + kPageBytes};
}

void FrameSums::learn(std::uint64_t offset, std::string_view bytes) {
  const std::uint64_t end = offset + bytes.size();
  for (std::uint64_t at = offset; at < end;) {
    const Extent extent = extent_at(at);
    std::uint64_t sum = SumTable::kUnknown;
    if (extent.begin >= offset && extent.end <= end) {
      const auto part = bytes.substr(extent.begin - offset, extent.end - extent.begin);
      sum = known_sum(hash64(part, extent.frame));
    }
    extent.sums.set(extent.frame, sum);
    at = extent.end;
  }
}

void FrameSums::forget(std::uint64_t offset, std::uint64_t bytes) {
  for (std::uint64_t at = offset; at < offset + bytes;) {
    const Extent extent = extent_at(at);
    extent.sums.set(extent.frame, SumTable::kUnknown);
    at = extent.end;
  }
}

void FrameSums::cut(std::uint64_t bytes) {
  // Of the extent that is cut in two, too, nothing is known.
  const Extent extent = extent_at(bytes);
  const bool in_page = &extent.sums == &pages_;
  headers_.cut(in_page ? extent.frame + 1 : extent.frame);
  pages_.cut(extent.frame);
}

Status FrameSums::verify(std::uint64_t offset, std::uint64_t wanted, std::string_view got) {
  for (std::uint64_t at = offset; at < offset + wanted;) {
    const Extent extent = extent_at(at);
    at = extent.end;
    const std::uint64_t sum = extent.sums.get(extent.frame);
    if (sum == SumTable::kUnknown) continue;
    const std::uint64_t from = std::min<std::uint64_t>(extent.begin - offset, got.size());
    const auto part = got.substr(from, extent.end - extent.begin);
    const bool whole = part.size() == extent.end - extent.begin;
    if (whole && known_sum(hash64(part, extent.frame)) == sum) continue;
    if (LOCKSTEP_BUG(page_sums_ignored)) continue;
    return syncs_.mismatch(std::string(kWalName) + ": frame " + std::to_string(extent.frame));
  }
  return {};
}

}  // namespace lockstep::sql
