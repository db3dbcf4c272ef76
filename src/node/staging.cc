#include "node/staging.h"

#include <algorithm>
#include <string>

#include "base/hash.h"

namespace lockstep::node {

Status Staging::prepare(const sql::ImageLabel& label) {
  constexpr std::array kStaged{sql::kStagedMain, sql::kStagedWal};
  const std::array sizes{label.main_bytes, label.wal_bytes};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& each = parts_[i];
    TRY_ASSIGN(each.file, disk_.open(kStaged[i], env::OpenMode::create));
    TRY_ASSIGN(each.held, each.file->size());
    if (each.held > sizes[i]) TRY(each.file->truncate(sizes[i]));
    each.held = std::min(each.held, sizes[i]);
  }
  auto seed = disk_.open(sql::kMainName, env::OpenMode::existing);
  if (seed) part(sql::ImagePart::main).seed = std::move(*seed);
  return {};
}

env::File* Staging::source_of(Part& part, std::uint64_t offset, std::uint32_t bytes) {
  return offset + bytes <= part.held ? part.file.get() : part.seed.get();
}

Result<std::string> Staging::read(env::File& file, std::uint64_t offset, std::uint32_t bytes) {
  std::string found(bytes, '\0');
  TRY_ASSIGN(const std::size_t got, file.read(offset, std::span<char>(found)));
  found.resize(got);
  return found;
}

Result<std::uint64_t> Staging::hash_of(sql::ImagePart which, std::uint64_t offset,
                                       std::uint32_t bytes) {
  env::File* const source = source_of(part(which), offset, bytes);
  if (source == nullptr) return 0;
  auto found = read(*source, offset, bytes);
  // A place that cannot be read is one that holds nothing.
  if (!found || found->size() != bytes) return 0;
  return hash64(*found);
}

Result<bool> Staging::keep(sql::ImagePart which, std::uint64_t offset, std::uint32_t bytes,
                           std::uint64_t hash) {
  Part& each = part(which);
  env::File* const source = source_of(each, offset, bytes);
  if (source == nullptr) return false;
  auto found = read(*source, offset, bytes);
  if (!found || hash64(*found) != hash) return false;
  // Even where it stands there already: a sync that failed in an earlier life may have left it in
  // the cache alone, and the next one would have nothing to do.
  TRY(each.file->write(offset, *found));
  return true;
}

Status Staging::write(sql::ImagePart which, std::uint64_t offset, std::string_view bytes) {
  return part(which).file->write(offset, bytes);
}

}  // namespace lockstep::node
