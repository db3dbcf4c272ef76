#include "env/disk.h"

namespace lockstep::env {

Status read_exactly(File& file, std::uint64_t offset, std::span<char> into) {
  TRY_ASSIGN(const std::size_t got, file.read(offset, into));
  if (got != into.size()) return fail(Errc::corrupt, "file ends early");
  return {};
}

}  // namespace lockstep::env
