// Connection: one kept-alive HTTP/1.1 connection that sends one prepared request at a time and
// recognises the end of its answer. Just enough HTTP for a load generator: Content-Length answers
// only. Non-blocking; single-threaded.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "bench/options.h"

namespace lockstep::bench {

struct Reply {
  unsigned status = 0;
  std::string_view body;  // valid until the next call
};

class Connection {
 public:
  // Connects (blocking). Errc::io: nobody listens there.
  static Result<Connection> open(const Address& address);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  // Begins to send; the rest goes out in on_writable(). Precondition: no request is open.
  Status send(std::string_view request);
  [[nodiscard]] bool wants_write() const { return !unsent_.empty(); }
  Status on_writable();
  // Reads what is there; true once a whole answer is (see reply()).
  Result<bool> on_readable();
  [[nodiscard]] Reply reply() const;
  // Sends and waits for the answer, blocking.
  Result<Reply> exchange(std::string_view request);

 private:
  explicit Connection(int descriptor) : descriptor_(descriptor) {}
  bool complete();

  int descriptor_;
  std::string unsent_;
  std::string in_;
  std::size_t head_bytes_ = 0;  // 0: the head is not complete
  std::size_t body_bytes_ = 0;
};

}  // namespace lockstep::bench
