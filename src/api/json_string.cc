// JSON strings and indentation, byte for byte as Go's encoding/json writes them.
#include "api/json_response.h"
#include "api/utf8.h"

namespace lockstep::api {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

bool needs_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
}

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += static_cast<char>(c);
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHexDigits[c >> 4];
      out += kHexDigits[c & 15];
  }
}

// A sequence that starts with a byte above 0x7f; returns how many bytes it took.
std::size_t append_multibyte(std::string& out, std::string_view text, std::size_t at) {
  const std::size_t length = utf8_length(text, at);
  if (length == 0) {
    out += "\\ufffd";
    return 1;
  }
  const auto sequence = text.substr(at, length);
  if (sequence == "\xe2\x80\xa8") {
    out += "\\u2028";
  } else if (sequence == "\xe2\x80\xa9") {
    out += "\\u2029";
  } else {
    out += sequence;
  }
  return length;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void new_line(std::string& out, std::size_t depth) {
  out += '\n';
  out.append(depth * 4, ' ');
}

// Position after the string literal that starts at `at`.
std::size_t string_end(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return at < json.size() ? at + 1 : json.size();
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain_from = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x80 && !needs_escape(c)) {
      ++at;
      continue;
    }
    out += text.substr(plain_from, at - plain_from);
    if (c < 0x80) {
      append_escaped(out, c);
      ++at;
    } else {
      at += append_multibyte(out, text, at);
    }
    plain_from = at;
  }
  out += text.substr(plain_from);
  out += '"';
}

std::string indent_json(std::string_view compact) {
  std::string out;
  out.reserve(compact.size() * 2);
  std::size_t depth = 0;
  bool opened = false;  // just after { or [: an empty one stays on its line
  for (std::size_t at = 0; at < compact.size();) {
    const char c = compact[at];
    if (is_space(c)) {
      ++at;
      continue;
    }
    const bool closes = c == '}' || c == ']';
    if (opened && !closes) new_line(out, depth);
    if (c == '"') {
      const std::size_t end = string_end(compact, at);
      out += compact.substr(at, end - at);
      at = end;
      opened = false;
      continue;
    }
    if (closes) {
      if (depth > 0) --depth;
      if (!opened) new_line(out, depth);
    }
    out += c;
    opened = c == '{' || c == '[';
    if (opened) ++depth;
    if (c == ',') new_line(out, depth);
    if (c == ':') out += ' ';
    ++at;
  }
  return out;
}

}  // namespace lockstep::api
