// Checksums of the main file's pages: a bit that flips on the disk is an error when it is read, and
// never a row. SQLite has none of its own: of a flipped bit in two files of three it notices
// nothing. They are kept in memory, 8 bytes a page, and in two files that are written in turn
// (sql/sums_chunk.h), as the manifest is: its state names the one that belongs to it.
//
// The rule: the sums of a complete checkpoint are durable in the file that the manifest does not
// name before a manifest names it. So the named file always has the right sums of every page
// outside the write-ahead frames of its state; pages inside may be half copied after a crash and
// are known again once a checkpoint has written them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/disk.h"
#include "sql/sum_table.h"
#include "sql/sums_chunk.h"
#include "sql/wal_format.h"

namespace lockstep::sql {

inline constexpr std::array<const char*, 2> kSumsNames = {"sums-0", "sums-1"};

// "The checkpointing lane" is the one that writes the main file: the image lane, and before the
// first turn any.
class PageSums {
 public:
  // The main file, with every read checked and every write and truncation made known. A read fails
  // with Errc::corrupt if a page it touches, if only in part, is not what was written there (or
  // with Errc::io if a sync of the file has failed before); pages whose sums are not known pass.
  // Reads on any lane; the rest on the checkpointing lane. This object outlives the file.
  std::unique_ptr<env::File> guard(std::unique_ptr<env::File> main);

  // Makes both files anew, file 0 with the sums known now: the first manifest names it. Success:
  // its content is durable; the names are not yet. Before the first turn.
  Status create(env::Disk& disk, std::uint32_t main_pages);
  // The same for a main file that came whole and verified from elsewhere, which is read once.
  // Success: the names are durable too. Before the first turn.
  static Status rebuild(env::Disk& disk, env::File& main);
  // Opens both files and takes over the sums of the named one for a main file of `main_pages`
  // pages, except for pages that frames of the state hold. Errc::corrupt: the file is missing or
  // damaged, or the main file lacks pages. Before the first turn.
  Status load(env::Disk& disk, std::uint8_t named, std::uint32_t main_pages,
              const WalContents& wal);
  // At the end of a complete checkpoint, when the main file's `main_pages` pages are durable: makes
  // the sums of now durable in the file that is not `named`, and returns its number, for the
  // manifest to name. Errc::no_space: not done, may be tried again. Any other failure is final.
  // Checkpointing lane.
  Result<std::uint8_t> store(std::uint8_t named, std::uint32_t main_pages);
  // Makes up for what the switchable bug sums_after_manifest left out. Checkpointing lane.
  Status sync_late(std::uint8_t file) { return files_[file].file->sync(); }

  // Reads `pages` pages of a guarded main file from `first_page` (1 is the first) on, fewer at its
  // end. Errc::corrupt names the first bad one. Any lane.
  static Status scrub(env::File& main, std::uint32_t first_page, std::uint32_t pages);

 private:
  class Guarded;
  struct SumsFile {
    std::unique_ptr<env::File> file;
    std::vector<bool> dirty;  // by chunk: differs from memory, or is not known to be durable
  };

  // The first of `wanted` bytes' pages that is not right; 0 if all are.
  std::uint32_t first_bad_page(std::uint64_t offset, std::uint64_t wanted, std::string_view got);
  void written(std::uint64_t offset, std::string_view bytes);
  void forget(std::uint64_t offset, std::uint64_t bytes);
  void set(std::uint32_t page, std::uint64_t sum);
  void extend(std::uint32_t pages);
  void cut(std::uint32_t pages);
  Status open_files(env::Disk& disk);
  Status read_named(std::uint8_t named);
  Status match_length(std::uint8_t named, std::uint32_t main_pages, const WalContents& wal);
  Status write_dirty(SumsFile& target, std::uint64_t chunks);
  SumsChunk chunk(std::uint64_t number);

  SumTable sums_;  // by page, from 1
  SyncWatch syncs_;
  Lock main_writes_;         // held from before a page is written until its sum is known
  std::uint32_t pages_ = 0;  // of the main file. Checkpointing lane, as all below
  std::array<SumsFile, 2> files_;
};

}  // namespace lockstep::sql
