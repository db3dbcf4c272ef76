// A recursive-descent reader; see the header for what it takes.
#include "sim/history_text.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace lockstep::check {

namespace {

constexpr unsigned kDepthMax = 32;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}
bool ends_atom(char c) {
  return is_space(c) || std::string_view("()[]{}\";").contains(c);
}
bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

}  // namespace

const Datum* Datum::find(std::string_view key) const {
  if (kind != Kind::map) return nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].name() == key) return &items[i + 1];
  }
  return nullptr;
}

std::string_view Datum::name() const {
  std::string_view out = text;
  if (kind == Kind::word && out.starts_with(':')) out.remove_prefix(1);
  return out;
}

Value Datum::value() const {
  if (kind == Kind::nothing) return std::nullopt;
  return std::string(name());
}

void DatumReader::skip_space() {
  while (at_ < text_.size()) {
    if (is_space(text_[at_])) {
      ++at_;
    } else if (text_[at_] == ';') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else {
      return;
    }
  }
}

bool DatumReader::at_end() {
  skip_space();
  return at_ == text_.size();
}

std::unexpected<Error> DatumReader::wrong(std::string_view what) const {
  const auto before = text_.substr(0, std::min(at_, text_.size()));
  return fail(Errc::invalid,
              fmt::format("line {}: {}", std::ranges::count(before, '\n') + 1, what));
}

Result<Datum> DatumReader::next() {
  return read(0);
}

Result<Datum> DatumReader::read(unsigned depth) {
  skip_space();
  if (at_ == text_.size()) return wrong("the text ends in the middle of a value");
  if (depth > kDepthMax) return wrong("values are nested too deep");
  switch (text_[at_]) {
    case '{':
      return sequence('}', Datum::Kind::map, depth);
    case '[':
      return sequence(']', Datum::Kind::list, depth);
    case '(':
      return sequence(')', Datum::Kind::list, depth);
    case '"':
      return string();
    case '#':
      ++at_;
      if (at_ < text_.size() && text_[at_] == '{') {
        return sequence('}', Datum::Kind::list, depth);
      }
      atom();  // The tag of a tagged literal.
      return read(depth + 1);
    case ')':
    case ']':
    case '}':
      return wrong("a bracket closes that was not opened");
    default:
      return atom();
  }
}

Result<Datum> DatumReader::sequence(char close, Datum::Kind kind, unsigned depth) {
  Datum out{.kind = kind, .text = {}, .items = {}};
  ++at_;
  for (;;) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == close) break;
    TRY_ASSIGN(out.items.emplace_back(), read(depth + 1));
    // JSON's colon between a key and its value.
    const bool after_key = kind == Datum::Kind::map && out.items.size() % 2 == 1;
    skip_space();
    if (after_key && out.items.back().kind == Datum::Kind::text && at_ < text_.size() &&
        text_[at_] == ':' && at_ + 1 < text_.size() && !text_.substr(at_).starts_with("::")) {
      ++at_;
    }
  }
  ++at_;
  if (kind == Datum::Kind::map && out.items.size() % 2 != 0) {
    return wrong("a map has a key without a value");
  }
  return out;
}

Result<Datum> DatumReader::string() {
  Datum out{.kind = Datum::Kind::text, .text = {}, .items = {}};
  for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
    if (text_[at_] != '\\') {
      out.text.push_back(text_[at_]);
      continue;
    }
    if (++at_ == text_.size()) break;
    static constexpr std::string_view kNames = "nrtbf";
    static constexpr std::string_view kMeans = "\n\r\t\b\f";
    if (const auto i = kNames.find(text_[at_]); i != std::string_view::npos) {
      out.text.push_back(kMeans[i]);
    } else if (text_[at_] == 'u') {
      std::uint32_t code = 0;
      const auto digits = text_.substr(at_ + 1, 4);
      const auto end = digits.data() + digits.size();
      if (digits.size() < 4 || std::from_chars(digits.data(), end, code, 16).ptr != end) {
        return wrong("\\u needs four hexadecimal digits");
      }
      append_utf8(out.text, code);
      at_ += 4;
    } else {
      out.text.push_back(text_[at_]);
    }
  }
  if (at_ >= text_.size()) return wrong("a string does not end");
  ++at_;
  return out;
}

Datum DatumReader::atom() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && !ends_atom(text_[at_])) ++at_;
  if (at_ == begin && at_ < text_.size()) ++at_;
  const auto text = text_.substr(begin, at_ - begin);
  if (text == "nil" || text == "null") return {};
  return {.kind = is_integer(text) ? Datum::Kind::integer : Datum::Kind::word,
          .text = std::string(text),
          .items = {}};
}

std::optional<std::uint64_t> to_unsigned(std::string_view text) {
  std::uint64_t out = 0;
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc() || at != end) return std::nullopt;
  return out;
}

std::optional<std::int64_t> to_signed(std::string_view text) {
  std::int64_t out = 0;
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc() || at != end) return std::nullopt;
  return out;
}

}  // namespace lockstep::check
