// The bytes of HTTP/1.1 answers. Pure; the server's answers are built here so that they can be
// tested without a socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/handler.h"

namespace lockstep::host {

struct HeadOptions {
  bool keep_alive = true;
  bool http_1_0 = false;  // an old client must be told of keep-alive
  std::string_view date;  // an IMF-fixdate
};

// Appends status line and headers, up to and with the empty line. Content-Length is always there;
// headers with line breaks in them (which would forge others) are left out.
void append_response_head(std::string& out, const api::Response& response,
                          const HeadOptions& options);
// The bytes of a response: `head`, then `body`, which is empty if it was small enough to be joined
// to the head.
struct ResponseBytes {
  std::string head;
  std::string body;
  // `head_only`: the answer to HEAD, which has the length of the body but not the body.
  void set(api::Response response, const HeadOptions& options, bool head_only);
};
// "Tue, 15 Nov 1994 08:12:31 GMT".
std::string http_date(std::int64_t unix_seconds);
// The present one, written anew once a second.
class DateLine {
 public:
  // Valid until the next call.
  std::string_view now();

 private:
  std::string text_;
  std::int64_t second_ = 0;
};
std::string_view reason_phrase(unsigned status);
// A plain-text answer as Go's http.Error writes it.
api::Response text_response(unsigned status, std::string_view text);

}  // namespace lockstep::host
