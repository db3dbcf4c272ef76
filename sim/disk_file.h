// FileImage: one file of a SimDisk. It keeps what a process reads now, what would be left if every
// unsynced operation were lost (only the 4 KiB blocks that differ are kept twice), and the unsynced
// operations in order. Cost of a write: the bytes and the blocks it touches; of a sync: the blocks
// touched since the last one; neither depends on the size of the file.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "sim/disk.h"

namespace lockstep::sim {

class FileImage {
 public:
  explicit FileImage(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  [[nodiscard]] std::uint64_t size() const { return size_; }

  // Returns how many bytes were there to read.
  std::size_t read(std::uint64_t offset, std::span<char> into) const;
  void write(std::uint64_t offset, std::string_view bytes);
  void truncate(std::uint64_t size);
  // Everything so far is durable.
  void sync();
  // A sync that fails: what was pending is, by draw, gone; or still read but never written (a later
  // sync will not write it either, unless its block is written again); or durable after all.
  void sync_badly(Rng& rng);
  // Power loss: keeps of the pending operations what `loss` draws, and makes the result durable.
  void lose(Loss loss, Rng& rng);
  // Precondition: the byte exists now.
  void flip_bit(std::uint64_t offset, unsigned bit);

 private:
  static constexpr std::uint64_t kBlock = 4096;
  // Past this much pending data the oldest would have been written back long ago: all is durable.
  static constexpr std::size_t kPendingBytesMax = 64u << 20;
  static constexpr std::size_t kPendingOperationsMax = 1u << 20;

  using Block = std::unique_ptr<std::array<char, kBlock>>;  // nullptr: zeros
  enum class Copy : std::uint8_t {
    same,     // current and durable bytes are equal
    pending,  // the durable bytes are in saved_
    stray,    // the durable bytes are in stray_, and no sync will write the current ones
  };
  struct Slot {
    Block bytes;
    Copy copy = Copy::same;
  };
  struct Saved {
    std::uint64_t number;
    Block bytes;
  };
  struct Operation {
    bool truncate;  // to `offset`; else a write of `length` bytes at `offset`
    bool zeros;     // the bytes written are all zero and not stored
    std::uint64_t offset;
    std::uint64_t length;
    std::size_t at;  // where in pending_bytes_ the bytes stand
  };

  // Keeps the durable bytes of the block before its first change since the last sync, and returns
  // it ready to be changed. `whole`: the caller overwrites all of it.
  Slot& changing(std::uint64_t number, bool whole);
  void put_bytes(std::uint64_t offset, std::string_view bytes);
  void put_zeros(std::uint64_t offset, std::uint64_t length);
  void set_size(std::uint64_t size);
  void remember(Operation operation, std::string_view bytes);
  void back_to_durable();
  void replay(const Operation& operation, std::uint64_t from, std::uint64_t length,
              std::string_view bytes);
  void replay_torn(const Operation& operation, std::uint64_t sector, std::string_view bytes,
                   Rng& rng);

  std::string name_;
  std::uint64_t size_ = 0;
  std::uint64_t durable_size_ = 0;
  std::vector<Slot> slots_;  // covers [0, size_) at least; bytes past size_ are zero
  std::vector<Saved> saved_;
  std::map<std::uint64_t, Block> stray_;
  std::vector<Operation> pending_;
  std::string pending_bytes_;
};

}  // namespace lockstep::sim
