// PageSums on disk: making the two files, taking them over at the start, writing them in turn.
#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "base/hash.h"
#include "sql/page_sums.h"
#include "sql/vfs.h"

namespace lockstep::sql {
namespace {

std::uint64_t chunks_for(std::uint64_t pages) {
  return (pages + kSumsPerChunk - 1) / kSumsPerChunk;
}

std::unexpected<Error> damaged(std::uint8_t named, const std::string& what) {
  return fail(Errc::corrupt, std::string(kSumsNames[named]) + ": " + what);
}

std::unexpected<Error> missing_page(std::uint64_t page) {
  return fail(Errc::corrupt, std::string(kMainName) + " ends before page " + std::to_string(page));
}

}  // namespace

Status PageSums::create(env::Disk& disk, std::uint32_t main_pages) {
  TRY(open_files(disk));
  for (SumsFile& each : files_) {
    TRY(each.file->truncate(0));
    each.dirty.assign(chunks_for(main_pages), true);
  }
  TRY_ASSIGN(const std::uint8_t written, store(1, main_pages));
  CHECK(written == 0);
  return {};
}

Status PageSums::open_files(env::Disk& disk) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    TRY_ASSIGN(files_[i].file, disk.open(kSumsNames[i], env::OpenMode::create));
  }
  return {};
}

Status PageSums::load(env::Disk& disk, std::uint8_t named, std::uint32_t main_pages,
                      const WalContents& wal) {
  CHECK(pages_ == 0);
  if (named >= files_.size()) return fail(Errc::corrupt, "manifest: no such file of checksums");
  auto found = disk.open(kSumsNames[named], env::OpenMode::existing);
  if (!found && found.error().code == Errc::not_found) return damaged(named, "missing");
  if (!found) return std::unexpected(std::move(found).error());
  TRY(open_files(disk));
  TRY(disk.sync_dir());  // the name of the other one, should it have been missing
  TRY(read_named(named));
  TRY(match_length(named, main_pages, wal));
  // SQLite reads these pages from the WAL; here a checkpoint that a crash cut short may have left
  // them half copied.
  for (const std::uint32_t page : wal.pages)
    if (page <= pages_) set(page, SumTable::kUnknown);
  // Of the other file nothing is known: a crash may have left anything, in the cache only or on
  // the disk.
  SumsFile& other = files_[1u - named];
  other.dirty.assign(other.dirty.size(), true);
  return {};
}

Status PageSums::read_named(std::uint8_t named) {
  SumsFile& source = files_[named];
  TRY_ASSIGN(const std::uint64_t bytes, source.file->size());
  if (bytes % kSumsChunkBytes != 0) return damaged(named, "no whole chunks");
  std::string buffer(kSumsChunkBytes, '\0');
  for (std::uint64_t number = 0; number < bytes / kSumsChunkBytes; ++number) {
    TRY(env::read_exactly(*source.file, number * kSumsChunkBytes, buffer));
    auto sums = decode_sums_chunk(number, buffer);
    if (!sums) return std::unexpected(std::move(sums).error());
    for (std::uint64_t i = 0; i < kSumsPerChunk; ++i)
      if ((*sums)[i] != SumTable::kUnknown)
        set(static_cast<std::uint32_t>(number * kSumsPerChunk + i + 1), (*sums)[i]);
  }
  source.dirty.assign(chunks_for(pages_), false);
  return {};
}

// Without frames the main file is as long as the sums say. With frames, a checkpoint that a crash
// cut short may have made it longer, or cut off what the state no longer has.
Status PageSums::match_length(std::uint8_t named, std::uint32_t main_pages,
                              const WalContents& wal) {
  if (wal.pages.empty() && main_pages > pages_)
    return damaged(named, "ends before page " + std::to_string(main_pages));
  const std::uint32_t needed = wal.pages.empty() ? pages_ : std::min(pages_, wal.database_pages);
  std::vector<std::uint32_t> in_wal = wal.pages;
  std::ranges::sort(in_wal);
  for (std::uint64_t page = std::uint64_t{main_pages} + 1; page <= needed; ++page)
    if (!std::ranges::binary_search(in_wal, page)) return missing_page(page);
  cut(main_pages);
  if (pages_ < main_pages) set(main_pages, SumTable::kUnknown);
  return {};
}

Result<std::uint8_t> PageSums::store(std::uint8_t named, std::uint32_t main_pages) {
  CHECK(named < files_.size());
  cut(main_pages);
  if (pages_ < main_pages) return missing_page(std::uint64_t{pages_} + 1);
  const auto other = static_cast<std::uint8_t>(1u - named);
  SumsFile& target = files_[other];
  const std::uint64_t chunks = chunks_for(pages_);
  target.dirty.resize(chunks, true);
  TRY_ASSIGN(const std::uint64_t bytes, target.file->size());
  if (bytes > chunks * kSumsChunkBytes) TRY(target.file->truncate(chunks * kSumsChunkBytes));
  TRY(write_dirty(target, chunks));
  if (!LOCKSTEP_BUG(sums_after_manifest)) {
    // A failed sync is final, whatever its reason: nobody knows what it left.
    if (auto synced = target.file->sync(); !synced) return fail(Errc::io, synced.error().text);
  }
  target.dirty.assign(chunks, false);
  return other;
}

// Neighbours in one write, within reason.
Status PageSums::write_dirty(SumsFile& target, std::uint64_t chunks) {
  constexpr std::uint64_t kChunksPerWrite = 64;
  std::string buffer;
  for (std::uint64_t number = 0; number < chunks;) {
    const std::uint64_t first = number;
    buffer.clear();
    for (; number < chunks && target.dirty[number] && number - first < kChunksPerWrite; ++number)
      encode_sums_chunk(number, chunk(number), buffer);
    if (buffer.empty())
      ++number;
    else
      TRY(target.file->write(first * kSumsChunkBytes, buffer));
  }
  return {};
}

SumsChunk PageSums::chunk(std::uint64_t number) {
  SumsChunk sums;
  for (std::uint64_t i = 0; i < kSumsPerChunk; ++i)
    sums[i] = sums_.get(number * kSumsPerChunk + i + 1);
  return sums;
}

Status PageSums::rebuild(env::Disk& disk, env::File& main) {
  TRY_ASSIGN(const std::uint64_t bytes, main.size());
  if (bytes == 0 || bytes % kPageBytes != 0)
    return fail(Errc::corrupt, std::string(kMainName) + ": no whole pages");
  constexpr std::uint64_t kPiece = 64 * kPageBytes;
  PageSums sums;
  std::string buffer;
  for (std::uint64_t done = 0; done < bytes; done += kPiece) {
    buffer.resize(std::min(kPiece, bytes - done));
    TRY(env::read_exactly(main, done, buffer));
    sums.written(done, buffer);
  }
  TRY(sums.create(disk, sums.pages_));
  return disk.sync_dir();
}

}  // namespace lockstep::sql
