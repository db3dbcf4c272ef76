#include "storage/known_members.h"

#include <string>

#include "storage/log_format.h"
#include "storage/segment.h"

namespace lockstep::storage {
namespace {

void take(std::string_view encoded, raft::Membership& newest) {
  auto membership = raft::decode_membership(encoded);
  if (membership && !membership->members.empty()) newest = std::move(*membership);
}

// Every block is looked at, for a damaged batch does not say where the next one begins.
void read_segment(std::string_view bytes, raft::Membership& newest) {
  const auto header = decode_segment_header(bytes);
  if (!header) return;
  take(header->membership, newest);
  for (std::uint64_t offset = segment_header_bytes(*header); offset + kBlockBytes <= bytes.size();
       offset += kBlockBytes) {
    const auto here = bytes.substr(offset);
    const auto batch = decode_batch_header(here);
    if (!batch || batch->salt != header->salt) continue;
    if (batch_bytes(*batch) > here.size() || !body_is_intact(*batch, here)) continue;
    const auto entries = decode_body(*batch, here);
    if (!entries) continue;
    for (const EntryView& entry : *entries)
      if (entry.kind == raft::EntryKind::config) take(entry.payload, newest);
  }
}

}  // namespace

raft::Membership known_members(env::Disk& disk) {
  raft::Membership newest;
  const auto names = disk.list();
  if (!names) return newest;
  for (const std::string& name : *names) {
    if (!segment_sequence(name)) continue;
    auto file = disk.open(name, env::OpenMode::existing);
    if (!file) continue;
    const auto size = (*file)->size();
    if (!size) continue;
    std::string bytes(*size, '\0');
    if (env::read_exactly(**file, 0, bytes)) read_segment(bytes, newest);
  }
  return newest;
}

}  // namespace lockstep::storage
