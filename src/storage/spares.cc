#include "storage/spares.h"

#include "base/check.h"

namespace lockstep::storage {
namespace {

constexpr std::string_view kPrefix = "tmp.spare-";

constexpr std::string_view kAheadPrefix = "tmp.spare-ahead-";

}  // namespace

Status write_spare(env::Disk& disk, const SpareAhead& spare) {
  TRY(create_written(disk, spare.name, {}, spare.file_bytes));
  return {};
}

bool Spares::is_spare(std::string_view name) {
  return name.starts_with(kPrefix);
}

Result<std::vector<std::string>> Spares::adopt(const std::vector<std::string>& names) {
  std::vector<std::string> others;
  for (const auto& name : names) {
    CHECK(is_spare(name));
    TRY_ASSIGN(const auto file, disk_.open(name, env::OpenMode::existing));
    TRY_ASSIGN(const std::uint64_t bytes, file->size());
    const bool fits = bytes == file_bytes_ && names_.size() < kSparesMax;
    (fits ? names_ : others).push_back(name);
  }
  return others;
}

std::string Spares::find(std::uint64_t bytes) const {
  return names_.empty() || bytes > file_bytes_ ? std::string() : names_.back();
}

std::optional<SpareAhead> Spares::wanted(std::uint64_t sequence) const {
  if (!names_.empty()) return std::nullopt;
  return SpareAhead{std::string(kAheadPrefix) + segment_name(sequence), file_bytes_};
}

Status Spares::add(const SpareAhead& spare) {
  if (names_.size() >= kSparesMax) return disk_.remove(spare.name);
  names_.push_back(spare.name);
  return {};
}

Status Spares::retire(const Segment& segment) {
  const std::string name = segment_name(segment.header.sequence);
  if (segment.file_bytes != file_bytes_ || names_.size() >= kSparesMax) return disk_.remove(name);
  // Sequences are never given twice while spares exist, nor are these names.
  const std::string spare = std::string(kPrefix) + name;
  TRY(disk_.rename(name, spare));
  names_.push_back(spare);
  return {};
}

}  // namespace lockstep::storage
