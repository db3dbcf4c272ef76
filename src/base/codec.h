// Byte encoding shared by every format: little-endian fixed integers, length-prefixed strings.
// Encoder appends to a string it owns; Decoder reads a view, never past its end, and remembers
// failure, so that a caller decodes a whole struct and asks ok() once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace lockstep {

static_assert(std::endian::native == std::endian::little,
              "formats are little-endian; add swaps first");

class Encoder {
 public:
  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u32(std::uint32_t v) { raw(&v, sizeof v); }
  void u64(std::uint64_t v) { raw(&v, sizeof v); }
  void i64(std::int64_t v) { raw(&v, sizeof v); }
  void f64(double v) { raw(&v, sizeof v); }
  void boolean(bool v) { u8(v ? 1 : 0); }
  // u32 length, then the bytes. Precondition: shorter than 4 GiB.
  void string(std::string_view v) {
    u32(static_cast<std::uint32_t>(v.size()));
    out_.append(v);
  }
  // The bytes alone; the reader must know their number.
  void bytes(std::string_view v) { out_.append(v); }

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] std::string_view view() const { return out_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void raw(const void* p, std::size_t n) { out_.append(static_cast<const char*>(p), n); }
  std::string out_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::int64_t i64() { return fixed<std::int64_t>(); }
  double f64() { return fixed<double>(); }
  // Fails on any byte but 0 and 1, so that every value has one encoding.
  bool boolean() {
    const auto v = u8();
    if (v > 1) ok_ = false;
    return v == 1;
  }
  // A view into the input; empty after a failure.
  std::string_view string() { return bytes(u32()); }
  std::string_view bytes(std::size_t n) {
    if (!ok_ || n > in_.size()) {
      ok_ = false;
      return {};
    }
    const auto v = in_.substr(0, n);
    in_.remove_prefix(n);
    return v;
  }

  // False once anything asked for was not there. Values read after that are zero or empty.
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return in_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return in_.size(); }
  // A whole struct was read and nothing is left over.
  [[nodiscard]] bool complete() const { return ok_ && in_.empty(); }

 private:
  template <class T>
  T fixed() {
    T v{};
    const auto b = bytes(sizeof v);
    if (ok_) std::memcpy(&v, b.data(), sizeof v);
    return v;
  }
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace lockstep
