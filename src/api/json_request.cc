// Statement bodies by Boost.JSON's SAX parser: each value goes into the command as it is read.
//
// Which of two errors in a body is reported follows rqlite, whose decoder checks one element of the
// batch at a time: a syntax error in an element hides a wrong type earlier in it, but not one in an
// earlier element. Hence `element_error_`, raised when its element ends.
#include "api/json_request.h"

#include <boost/json/basic_parser_impl.hpp>

#include <optional>

#include "api/json_number.h"
#include "api/json_text.h"
#include "api/utf8.h"

namespace lockstep::api {
namespace {

namespace json = boost::json;
using Ec = json::error_code;

constexpr std::string_view kInvalidBody = "invalid JSON body";
constexpr std::string_view kInvalidRequest = "invalid request";
constexpr std::string_view kUnsupported = "unsupported type ";

// More nesting than any legal body has; bounds the parser's stack.
constexpr std::size_t kDepthMax = 64;

class StatementsHandler {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  explicit StatementsHandler(const ParseOptions& options)
      : writer(options.kind, options.transaction, options.no_parse, options.db_timeout) {}

  wire::CommandWriter writer;
  std::string error;           // why parsing was given up; empty: not at all, or bad syntax
  std::uint64_t elements = 0;  // of the batch, skipped ones included

  bool on_document_begin(Ec&) { return true; }
  bool on_document_end(Ec&) { return true; }

  bool on_array_begin(Ec& ec) {
    if (skipped_depth_ > 0) return skip_deeper();
    switch (where_) {
      case Where::outside:
        where_ = Where::batch;
        return true;
      case Where::batch:
        where_ = Where::element;
        items_ = 0;
        return true;
      case Where::element:
        if (items_++ == 0) return skip_bad_element(kInvalidRequest);
        name_.clear();
        return begin_bytes(Where::element);
      case Where::named:
        return begin_bytes(Where::named);
      case Where::bytes:
        return skip_bad_element(std::string(kUnsupported) + "[]interface {}");
    }
    return give_up(kInvalidRequest, ec);
  }

  bool on_array_end(std::size_t, Ec& ec) {
    if (skipped_depth_ > 0) {
      --skipped_depth_;
      return true;
    }
    if (where_ == Where::bytes) {
      where_ = around_bytes_;
      bind(wire::BlobBytes{bytes_});
      return true;
    }
    if (where_ == Where::element) {
      where_ = Where::batch;
      ++elements;
      if (items_ == 0) return give_up(kInvalidRequest, ec);
      if (!element_error_.empty()) return give_up(element_error_, ec);
      return true;
    }
    where_ = Where::outside;
    return true;
  }

  bool on_object_begin(Ec& ec) {
    if (skipped_depth_ > 0) return skip_deeper();
    switch (where_) {
      case Where::outside:
      case Where::batch:
        return give_up(kInvalidRequest, ec);
      case Where::element:
        if (items_++ == 0) return skip_bad_element(kInvalidRequest);
        where_ = Where::named;
        return true;
      case Where::named:
      case Where::bytes:
        return skip_bad_element(std::string(kUnsupported) + "map[string]interface {}");
    }
    return true;
  }

  bool on_object_end(std::size_t, Ec&) {
    if (skipped_depth_ > 0) {
      --skipped_depth_;
    } else {
      where_ = Where::element;
    }
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t, Ec&) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool on_string(json::string_view part, std::size_t, Ec& ec) {
    const std::string text = take_text(part);
    if (skipped_depth_ > 0) return true;
    if (where_ == Where::outside) return give_up(kInvalidRequest, ec);
    if (where_ == Where::bytes) return bad_element(std::string(kUnsupported) + "string");
    if (where_ == Where::batch) {
      ++elements;
      begin_statement(text);
      return true;
    }
    if (where_ == Where::element && items_++ == 0) {
      begin_statement(text);
      return true;
    }
    if (const auto blob = blob_literal(text)) return bind_scalar(wire::BlobBytes{*blob});
    return bind_scalar(std::string_view(text));
  }

  bool on_key_part(json::string_view part, std::size_t, Ec&) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool on_key(json::string_view part, std::size_t, Ec&) {
    std::string key = take_text(part);
    if (skipped_depth_ == 0 && where_ == Where::named) name_ = std::move(key);
    return true;
  }

  bool on_number_part(json::string_view part, Ec&) {
    number_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t, json::string_view part, Ec& ec) { return on_number(part, ec); }
  bool on_uint64(std::uint64_t, json::string_view part, Ec& ec) { return on_number(part, ec); }
  // The double that the parser made is not correctly rounded; the text is parsed again.
  bool on_double(double, json::string_view part, Ec& ec) { return on_number(part, ec); }

  bool on_bool(bool value, Ec& ec) { return on_scalar(std::int64_t{value ? 1 : 0}, "bool", ec); }
  bool on_null(Ec& ec) { return on_scalar(wire::Null{}, "<nil>", ec); }

  bool on_comment_part(json::string_view, Ec&) { return true; }
  bool on_comment(json::string_view, Ec&) { return true; }

 private:
  enum class Where {
    outside,  // before the batch's [
    batch,    // between its elements
    element,  // inside ["SQL", ...]
    named,    // inside a {"name": value, ...} of an element
    bytes,    // inside an array of byte values
  };

  bool give_up(std::string_view why, Ec& ec) {
    error = why;
    ec = json::error::syntax;
    return false;
  }
  bool bad_element(std::string_view why) {
    if (element_error_.empty()) element_error_ = why;
    return true;
  }
  bool skip_bad_element(std::string_view why) {
    skipped_depth_ = 1;
    return bad_element(why);
  }
  bool skip_deeper() {
    ++skipped_depth_;
    return true;
  }
  bool begin_bytes(Where around) {
    around_bytes_ = around;
    where_ = Where::bytes;
    bytes_.clear();
    return true;
  }

  std::string take_text(json::string_view last_part) {
    text_.append(last_part.data(), last_part.size());
    std::string text = is_valid_utf8(text_) ? std::move(text_) : to_valid_utf8(text_);
    text_.clear();
    return text;
  }

  // An empty text runs nothing and answers nothing; its parameters are only checked.
  void begin_statement(std::string_view sql) {
    statement_skipped_ = sql.empty();
    if (!statement_skipped_) writer.statement(sql);
  }

  void bind(const wire::Value& value) {
    if (!statement_skipped_ && element_error_.empty()) writer.parameter(name_, value);
  }

  // A value in the place of a parameter.
  bool bind_scalar(const wire::Value& value) {
    if (where_ == Where::element) name_.clear();
    bind(value);
    return true;
  }

  bool on_scalar(const wire::Value& value, std::string_view go_type, Ec& ec) {
    if (skipped_depth_ > 0) return true;
    if (where_ == Where::outside || where_ == Where::batch) return give_up(kInvalidRequest, ec);
    if (where_ == Where::bytes) return bad_element(std::string(kUnsupported).append(go_type));
    if (where_ == Where::element && items_++ == 0) return bad_element(kInvalidRequest);
    return bind_scalar(value);
  }

  bool on_number(json::string_view last_part, Ec& ec) {
    number_.append(last_part.data(), last_part.size());
    const std::string text = std::move(number_);
    number_.clear();
    if (skipped_depth_ > 0) return true;
    if (where_ == Where::bytes) return on_byte(text);
    const auto number = parse_number(text);
    if (!number && where_ != Where::outside && where_ != Where::batch && items_ > 0) {
      if (where_ == Where::element) ++items_;
      return bad_element(number.error().text);
    }
    wire::Value value;
    if (number) std::visit([&value](auto v) { value = v; }, *number);
    return on_scalar(value, "json.Number", ec);
  }

  bool on_byte(const std::string& text) {
    const auto number = parse_number(text);
    const auto* integer = number ? std::get_if<std::int64_t>(&*number) : nullptr;
    if (integer == nullptr || *integer < 0 || *integer > 255) {
      return bad_element(std::string(kUnsupported) + text);
    }
    bytes_ += static_cast<char>(*integer);
    return true;
  }

  Where where_ = Where::outside;
  Where around_bytes_ = Where::element;
  std::size_t skipped_depth_ = 0;  // inside a value that is wrong where it stands
  std::uint64_t items_ = 0;        // of the open element
  bool statement_skipped_ = false;
  std::string element_error_;  // the first one of the open element
  std::string text_, number_, name_, bytes_;
};

// The number around `at`, where the parser gave up on it.
std::string number_around(std::string_view body, std::size_t at) {
  constexpr std::string_view kNumberBytes = "0123456789+-.eE";
  const auto before = body.substr(0, at).find_last_not_of(kNumberBytes);
  const std::size_t first = before == std::string_view::npos ? 0 : before + 1;
  const auto end = body.find_first_not_of(kNumberBytes, first);
  return std::string(body.substr(first, end - first));
}

}  // namespace

Result<std::string> parse_statements(std::string_view body, const ParseOptions& options) {
  const auto repaired = repair_surrogates(body);
  if (repaired) body = *repaired;
  json::parse_options parse_options;
  parse_options.max_depth = kDepthMax;
  parse_options.allow_invalid_utf8 = true;  // replaced by U+FFFD, as Go does
  json::basic_parser<StatementsHandler> parser(parse_options, options);
  Ec ec;
  const std::size_t used = parser.write_some(false, body.data(), body.size(), ec);
  const auto& handler = parser.handler();
  if (ec == json::error::exponent_overflow) {
    return fail(Errc::invalid, "invalid number " + number_around(body, used));
  }
  if (ec) {
    const bool syntax = handler.error.empty();
    return fail(Errc::invalid, syntax ? std::string(kInvalidBody) : handler.error);
  }
  if (handler.elements == 0) return fail(Errc::invalid, "no statements");
  return parser.handler().writer.take();
}

std::string single_statement(std::string_view sql, const ParseOptions& options) {
  wire::CommandWriter writer(options.kind, options.transaction, options.no_parse,
                             options.db_timeout);
  if (!sql.empty()) writer.statement(sql);
  return writer.take();
}

}  // namespace lockstep::api
