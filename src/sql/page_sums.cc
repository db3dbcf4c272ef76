#include "sql/page_sums.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "base/hash.h"
#include "sql/vfs.h"

namespace lockstep::sql {
namespace {

std::uint64_t sum_of(std::uint64_t page, std::string_view bytes) {
  return known_sum(hash64(bytes, page));
}

std::uint32_t page_at(std::uint64_t offset) {
  return static_cast<std::uint32_t>(offset / kPageBytes + 1);
}

}  // namespace

class PageSums::Guarded final : public env::File {
 public:
  Guarded(PageSums& sums, std::unique_ptr<env::File> main) : sums_(sums), main_(std::move(main)) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    const std::size_t skip = offset % kPageBytes;
    if (skip == 0 && into.size() % kPageBytes == 0) return read_pages(offset, into);
    const std::size_t pages = (skip + into.size() + kPageBytes - 1) / kPageBytes;
    std::vector<char> buffer(pages * kPageBytes);
    TRY_ASSIGN(const std::size_t got, read_pages(offset - skip, buffer));
    const std::size_t part = std::min(into.size(), got - std::min(got, skip));
    if (part > 0) std::memcpy(into.data(), buffer.data() + skip, part);
    return part;
  }

  Status write(std::uint64_t offset, std::string_view bytes) override {
    const Held held(sums_.main_writes_);
    auto done = main_->write(offset, bytes);
    if (done)
      sums_.written(offset, bytes);
    else
      sums_.forget(offset, bytes.size());
    return done;
  }

  Status truncate(std::uint64_t size) override {
    const auto pages = static_cast<std::uint32_t>(size / kPageBytes);
    const Held held(sums_.main_writes_);
    sums_.cut(pages);
    TRY(main_->truncate(size));
    sums_.extend(pages);
    return {};
  }

  Status sync() override { return sums_.syncs_.seen(main_->sync()); }
  Result<std::uint64_t> size() override { return main_->size(); }

 private:
  Result<std::size_t> read_pages(std::uint64_t offset, std::span<char> into) {
    TRY_ASSIGN(std::size_t got, main_->read(offset, into));
    if (sums_.first_bad_page(offset, into.size(), {into.data(), got}) == 0) return got;
    // A connection that is being opened reads the file's header under no lock, and may have met a
    // checkpoint between the page and its sum.
    const Held held(sums_.main_writes_);
    TRY_ASSIGN(got, main_->read(offset, into));
    const std::uint32_t bad = sums_.first_bad_page(offset, into.size(), {into.data(), got});
    if (bad == 0 || LOCKSTEP_BUG(page_sums_ignored)) return got;
    return sums_.syncs_.mismatch(std::string(kMainName) + ": page " + std::to_string(bad));
  }

  PageSums& sums_;
  std::unique_ptr<env::File> main_;
};

std::unique_ptr<env::File> PageSums::guard(std::unique_ptr<env::File> main) {
  return std::make_unique<Guarded>(*this, std::move(main));
}

Status PageSums::scrub(env::File& main, std::uint32_t first_page, std::uint32_t pages) {
  CHECK(first_page > 0);
  constexpr std::uint32_t kPagesPerRead = 64;
  std::vector<char> buffer(std::size_t{kPagesPerRead} * kPageBytes);
  for (std::uint32_t done = 0; done < pages; done += kPagesPerRead) {
    const std::size_t count = std::min(kPagesPerRead, pages - done);
    const std::span<char> part(buffer.data(), count * kPageBytes);
    const std::uint64_t offset = (std::uint64_t{first_page} - 1 + done) * kPageBytes;
    TRY_ASSIGN(const std::size_t got, main.read(offset, part));
    if (got < part.size()) break;
  }
  return {};
}

std::uint32_t PageSums::first_bad_page(std::uint64_t offset, std::uint64_t wanted,
                                       std::string_view got) {
  for (std::uint64_t at = 0; at < wanted; at += kPageBytes) {
    const std::uint32_t page = page_at(offset + at);
    const std::uint64_t sum = sums_.get(page);
    if (sum == SumTable::kUnknown) continue;
    if (at + kPageBytes > got.size() || sum_of(page, got.substr(at, kPageBytes)) != sum)
      return page;
  }
  return 0;
}

void PageSums::written(std::uint64_t offset, std::string_view bytes) {
  // SQLite writes whole pages; of anything else, nothing is known afterwards.
  if (offset % kPageBytes != 0 || bytes.size() % kPageBytes != 0)
    return forget(offset, bytes.size());
  for (std::uint64_t at = 0; at < bytes.size(); at += kPageBytes) {
    const std::uint32_t page = page_at(offset + at);
    extend(page - 1);
    set(page, sum_of(page, bytes.substr(at, kPageBytes)));
  }
}

void PageSums::forget(std::uint64_t offset, std::uint64_t bytes) {
  for (std::uint64_t at = offset / kPageBytes * kPageBytes; at < offset + bytes; at += kPageBytes)
    set(page_at(at), SumTable::kUnknown);
}

void PageSums::set(std::uint32_t page, std::uint64_t sum) {
  sums_.set(page, sum);
  pages_ = std::max(pages_, page);
  const std::uint64_t number = (page - 1) / kSumsPerChunk;
  for (SumsFile& each : files_) {
    if (number >= each.dirty.size()) each.dirty.resize(number + 1, true);
    each.dirty[number] = true;
  }
}

// A gap reads as zeros.
void PageSums::extend(std::uint32_t pages) {
  const std::string zeros(pages > pages_ ? kPageBytes : 0, '\0');
  while (pages_ < pages) set(pages_ + 1, sum_of(pages_ + 1, zeros));
}

void PageSums::cut(std::uint32_t pages) {
  if (pages >= pages_) return;
  // Marks the chunk that now ends earlier.
  set(pages + 1, SumTable::kUnknown);
  sums_.cut(std::uint64_t{pages} + 1);
  pages_ = pages;
}

}  // namespace lockstep::sql
