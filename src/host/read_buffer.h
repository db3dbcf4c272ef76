// ReadBuffer: bytes received and not yet used, in one piece, with room behind them for more.
#pragma once

#include <cstring>
#include <string_view>
#include <vector>

namespace lockstep::host {

class ReadBuffer {
 public:
  [[nodiscard]] std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }

  // Room for `size` more bytes behind view(); invalidates earlier views.
  char* prepare(std::size_t size) {
    if (begin_ > 0 && bytes_.size() - end_ < size) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (bytes_.size() - end_ < size) bytes_.resize(end_ + size);
    return bytes_.data() + end_;
  }
  // `size` of the prepared bytes were received.
  void commit(std::size_t size) { end_ += size; }
  // The first `size` bytes were used.
  void consume(std::size_t size) {
    begin_ += size;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // As many leading bytes as are among `these` were used.
  void skip(std::string_view these) {
    const std::size_t first = view().find_first_not_of(these);
    consume(first == std::string_view::npos ? view().size() : first);
  }

 private:
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace lockstep::host
