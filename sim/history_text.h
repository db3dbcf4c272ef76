// Reads EDN and JSON values, which are near enough to each other for one reader: maps, vectors,
// lists, strings, numbers, keywords, nil/null, true/false, tagged literals (the tag is dropped).
// Commas and, after a JSON key, colons are white space; `;` begins a comment. Hostile input gets an
// error, never a crash: nesting is bounded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/history.h"

namespace lockstep::check {

struct Datum {
  enum class Kind { nothing, integer, text, word, list, map };
  Kind kind = Kind::nothing;
  std::string text;          // integer, text, word (keywords keep their colon)
  std::vector<Datum> items;  // list: members; map: key, value, key, value ...

  // The value of a map's key, written "type" for both :type and "type"; nullptr if absent.
  [[nodiscard]] const Datum* find(std::string_view key) const;
  // A keyword without its colon, or a string.
  [[nodiscard]] std::string_view name() const;
  // As a value: nothing, or the text.
  [[nodiscard]] Value value() const;
};

class DatumReader {
 public:
  explicit DatumReader(std::string_view text) : text_(text) {}
  // True if nothing but white space and comments is left.
  bool at_end();
  // invalid: what is wrong, with its line number.
  Result<Datum> next();

 private:
  void skip_space();
  Result<Datum> read(unsigned depth);
  Result<Datum> sequence(char close, Datum::Kind kind, unsigned depth);
  Result<Datum> string();
  Datum atom();
  std::unexpected<Error> wrong(std::string_view what) const;

  std::string_view text_;
  std::size_t at_ = 0;
};

// Decimal without sign; nothing if it is none or too large.
std::optional<std::uint64_t> to_unsigned(std::string_view text);
std::optional<std::int64_t> to_signed(std::string_view text);

}  // namespace lockstep::check
