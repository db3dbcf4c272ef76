// Staging: the files in which an image is collected (sql/image.h). Image lane only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "env/disk.h"
#include "sql/image.h"

namespace lockstep::node {

class Staging {
 public:
  explicit Staging(env::Disk& disk) : disk_(disk) {}

  // Makes both files ready for an image of this label; what they hold from an earlier attempt stays
  // where it may still serve.
  Status prepare(const sql::ImageLabel& label);
  // hash64 of what stands at this place already, here or in the node's own database; 0: nothing.
  Result<std::uint64_t> hash_of(sql::ImagePart part, std::uint64_t offset, std::uint32_t bytes);
  // Writes what hash_of() found to the place, whose next sync makes it durable. False: it is not
  // that any more (the database's file changes with its checkpoints).
  Result<bool> keep(sql::ImagePart part, std::uint64_t offset, std::uint32_t bytes,
                    std::uint64_t hash);
  Status write(sql::ImagePart part, std::uint64_t offset, std::string_view bytes);

 private:
  struct Part {
    std::unique_ptr<env::File> file;
    std::unique_ptr<env::File> seed;  // the database's own; may be absent
    std::uint64_t held = 0;           // bytes left over from an earlier attempt
  };
  Part& part(sql::ImagePart which) { return parts_[static_cast<std::size_t>(which)]; }
  // Where hash_of() looks; may be null.
  static env::File* source_of(Part& part, std::uint64_t offset, std::uint32_t bytes);
  Result<std::string> read(env::File& file, std::uint64_t offset, std::uint32_t bytes);

  env::Disk& disk_;
  std::array<Part, 2> parts_;
};

}  // namespace lockstep::node
