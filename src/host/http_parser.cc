#include "host/http_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "base/check.h"

namespace lockstep::host {

namespace http = boost::beast::http;
using boost::beast::error_code;
using View = boost::beast::string_view;

namespace {

// A claimed length is believed up to here; further memory comes with the bytes.
constexpr std::uint64_t kReserveMax = 1u << 20;
constexpr std::size_t kUsualHeaders = 8;

std::string_view std_view(View text) {
  return {text.data(), text.size()};
}

std::string lower(View text) {
  std::string result(text.data(), text.size());
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// Fills an api::Request without Beast's own containers in between.
class RequestParser final : public http::basic_parser<true> {
 public:
  api::Request request;
  int http_version = 11;
  bool expects_continue = false;
  bool expects_something_else = false;

 private:
  void on_request_impl(http::verb, View method, View target, int version, error_code&) override {
    http_version = version;
    request.method = std_view(method);
    std::string_view path = std_view(target);
    // Absolute form, as proxies send it: the host part is of no interest.
    if (path.starts_with("http://")) {
      const std::size_t slash = path.find('/', 7);
      path = slash == std::string_view::npos ? "/" : path.substr(slash);
    }
    request.target = path;
  }
  void on_field_impl(http::field field, View name, View value, error_code&) override {
    if (request.headers.empty()) request.headers.reserve(kUsualHeaders);
    request.headers.emplace_back(lower(name), std_view(value));
    if (field != http::field::expect) return;
    (lower(value) == "100-continue" ? expects_continue : expects_something_else) = true;
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    if (length) request.body.reserve(std::min(*length, kReserveMax));
  }
  std::size_t on_body_impl(View bytes, error_code&) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, error_code&) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_header_impl(error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
  void on_response_impl(int, View, int, error_code&) override {}
  void on_finish_impl(error_code&) override {}
};

}  // namespace

struct HttpParser::Impl {
  HttpLimits limits;
  std::optional<RequestParser> parser;
  error_code error;
};

HttpParser::HttpParser(HttpLimits limits) : impl_(std::make_unique<Impl>()) {
  impl_->limits = limits;
  reset();
}
HttpParser::~HttpParser() = default;

void HttpParser::reset() {
  RequestParser& parser = impl_->parser.emplace();
  parser.eager(true);
  parser.header_limit(impl_->limits.header_bytes_max);
  parser.body_limit(impl_->limits.body_bytes_max);
  impl_->error = {};
}

std::size_t HttpParser::put(std::string_view bytes) {
  CHECK(state() == State::header || state() == State::body);
  const std::size_t size = bytes.size();
  RequestParser& parser = *impl_->parser;
  error_code error;
  while (!bytes.empty() && !parser.is_done() && !error)
    bytes.remove_prefix(parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error));
  if (error != http::error::need_more) impl_->error = error;
  return size - bytes.size();
}

HttpParser::State HttpParser::state() const {
  if (impl_->error) return State::refused;
  if (impl_->parser->is_done()) return State::done;
  return impl_->parser->is_header_done() ? State::body : State::header;
}

api::Request& HttpParser::request() {
  return impl_->parser->request;
}
bool HttpParser::keep_alive() const {
  return impl_->parser->keep_alive();
}
bool HttpParser::http_1_0() const {
  return impl_->parser->http_version < 11;
}
bool HttpParser::expects_continue() const {
  return impl_->parser->expects_continue;
}
bool HttpParser::expects_something_else() const {
  return impl_->parser->expects_something_else;
}

unsigned HttpParser::refusal_status() const {
  if (impl_->error == http::error::body_limit) return 413;
  if (impl_->error == http::error::header_limit) return 431;
  return 400;
}
std::string HttpParser::refusal_text() const {
  if (impl_->error == http::error::body_limit) return "request body too large";
  if (impl_->error == http::error::header_limit) return "request header too large";
  return "malformed HTTP request: " + impl_->error.message();
}

}  // namespace lockstep::host
