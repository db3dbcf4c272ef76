// Sets of open operations as a few machine words, and the set of configurations a search has been
// in. A configuration is (position, state, which open operations have taken effect).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/check_problem.h"

namespace lockstep::check {

template <std::size_t kWords>
struct Bits {
  std::array<std::uint64_t, kWords> word{};

  void set(std::uint32_t i) { word[i / 64] |= std::uint64_t{1} << (i % 64); }
  void clear(std::uint32_t i) { word[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  [[nodiscard]] bool has(std::uint32_t i) const { return (word[i / 64] >> (i % 64) & 1) != 0; }
};

// Remembers configurations, and leaves out those that another one dominates. One dominates another
// if it is at the same position in the same state, agrees on the operations that must happen, and
// has used no more of those that need not (they stay in reserve), and has done at least the reads
// and the unseen writes the other has done (they can only get in the way later).
template <std::size_t kWords>
class Configurations {
 public:
  struct Entry {
    Bits<kWords> bits;  // with the bits of reads and unseen writes inverted: fewer is better
    State state = 0;
    std::uint32_t position = 0;
    std::uint32_t hash = 0;
    std::uint32_t next = kNone;
    bool dominated = false;
  };

  explicit Configurations(const SlotRanges& slots) {
    for (std::uint32_t i = 0; i < slots.hiding; ++i) reserve_.set(i);
    for (std::uint32_t i = slots.maybe; i < slots.hiding; ++i) inverted_.set(i);
    heads_.assign(1024, kNone);
  }

  // False if the configuration, or one that dominates it, is here already.
  bool insert(std::uint32_t position, State state, Bits<kWords> bits) {
    for (std::size_t w = 0; w < kWords; ++w) bits.word[w] ^= inverted_.word[w];
    const std::uint32_t hash = hash_of(position, state, bits);
    std::uint32_t* link = &heads_[hash & (heads_.size() - 1)];
    while (*link != kNone) {
      Entry& old = entries_[*link];
      if (old.hash == hash && old.state == state && old.position == position) {
        const Order order = compare(old.bits, bits);
        if (order == Order::left_better) return false;
        if (order == Order::right_better) {
          old.dominated = true;
          *link = old.next;
          continue;
        }
      }
      link = &old.next;
    }
    *link = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back({bits, state, position, hash, kNone, false});
    if (entries_.size() > heads_.size()) grow();
    return true;
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool dominated(std::size_t i) const { return entries_[i].dominated; }
  [[nodiscard]] State state(std::size_t i) const { return entries_[i].state; }
  [[nodiscard]] Bits<kWords> bits(std::size_t i) const {
    Bits<kWords> out = entries_[i].bits;
    for (std::size_t w = 0; w < kWords; ++w) out.word[w] ^= inverted_.word[w];
    return out;
  }
  void clear() {
    for (const Entry& e : entries_) heads_[e.hash & (heads_.size() - 1)] = kNone;
    entries_.clear();
  }
  void swap(Configurations& other) {
    entries_.swap(other.entries_);
    heads_.swap(other.heads_);
  }

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  enum class Order { left_better, right_better, neither };

  [[nodiscard]] Order compare(const Bits<kWords>& left, const Bits<kWords>& right) const {
    bool left_more = false;
    bool right_more = false;
    for (std::size_t w = 0; w < kWords; ++w) {
      const std::uint64_t differ = left.word[w] ^ right.word[w];
      if ((differ & ~reserve_.word[w]) != 0) return Order::neither;
      left_more |= (differ & left.word[w]) != 0;
      right_more |= (differ & right.word[w]) != 0;
    }
    if (!left_more) return Order::left_better;
    return right_more ? Order::neither : Order::right_better;
  }
  [[nodiscard]] std::uint32_t hash_of(std::uint32_t position, State state,
                                      const Bits<kWords>& bits) const {
    std::uint64_t h = (std::uint64_t{position} << 32 | state) * 0x9e37'79b9'7f4a'7c15ULL;
    for (std::size_t w = 0; w < kWords; ++w) {
      h ^= h >> 29;
      h += bits.word[w] & ~reserve_.word[w];
      h *= 0xbf58'476d'1ce4'e5b9ULL;
    }
    return static_cast<std::uint32_t>(h >> 32);
  }
  void grow() {
    heads_.assign(heads_.size() * 4, kNone);
    for (std::uint32_t i = 0; i < entries_.size(); ++i) {
      Entry& e = entries_[i];
      if (e.dominated) continue;
      std::uint32_t& head = heads_[e.hash & (heads_.size() - 1)];
      e.next = head;
      head = i;
    }
  }

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> heads_;  // power of two
  Bits<kWords> reserve_;              // operations in which configurations may differ and compare
  Bits<kWords> inverted_;
};

}  // namespace lockstep::check
