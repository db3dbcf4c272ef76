// Blob: immutable bytes with shared ownership. One allocation serves the log write, the sends to
// every follower and the apply, so that a proposal's bytes are never copied between them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lockstep {

class Blob {
 public:
  Blob() = default;
  explicit Blob(std::string bytes)
      : bytes_(std::make_shared<const std::string>(std::move(bytes))) {}

  [[nodiscard]] std::string_view view() const {
    return bytes_ ? std::string_view(*bytes_) : std::string_view();
  }
  [[nodiscard]] std::size_t size() const { return bytes_ ? bytes_->size() : 0; }
  // Compares contents, not identity.
  friend bool operator==(const Blob& a, const Blob& b) { return a.view() == b.view(); }

 private:
  std::shared_ptr<const std::string> bytes_;
};

}  // namespace lockstep
