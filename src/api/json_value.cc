#include "api/json_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/go_format.h"
#include "api/go_time.h"
#include "api/json_response.h"

namespace lockstep::api {
namespace {

void append_integer(std::string& out, std::int64_t value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end.ptr);
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out += '"';
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group <<= 8;
      if (i < count) group |= static_cast<unsigned char>(bytes[at + i]);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  out += '"';
}

void append_byte_array(std::string& out, std::string_view bytes) {
  out += '[';
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at > 0) out += ',';
    append_integer(out, static_cast<unsigned char>(bytes[at]));
  }
  out += ']';
}

struct CellWriter {
  std::string& out;
  ColumnClass column;
  bool blob_array;

  Status operator()(wire::Null) {
    out += "null";
    return {};
  }
  Status operator()(std::int64_t value) {
    if (column == ColumnClass::boolean) {
      out += value > 0 ? "true" : "false";
    } else if (column == ColumnClass::timestamp) {
      append_json_string(out, timestamp_from_integer(value));
    } else {
      append_integer(out, value);
    }
    return {};
  }
  Status operator()(double value) {
    if (!std::isfinite(value)) {
      return fail(Errc::invalid,
                  std::string("json: error calling MarshalJSON for type *http.DBResults: json: "
                              "unsupported value: ") +
                      (std::isnan(value) ? "NaN"
                       : value > 0       ? "+Inf"
                                         : "-Inf"));
    }
    append_json_number(out, value);
    return {};
  }
  Status operator()(const std::string& value) {
    if (column == ColumnClass::timestamp) {
      append_json_string(out, timestamp_from_text(value));
    } else {
      append_json_string(out, value);
    }
    return {};
  }
  Status operator()(const sql::Bytes& value) {
    if (column == ColumnClass::text_like) {
      append_json_string(out, value.value);
    } else if (blob_array) {
      append_byte_array(out, value.value);
    } else {
      append_base64(out, value.value);
    }
    return {};
  }
};

struct TypeNamer {
  std::string_view operator()(wire::Null) { return ""; }
  std::string_view operator()(std::int64_t) { return "integer"; }
  std::string_view operator()(double) { return "real"; }
  std::string_view operator()(const std::string&) { return "text"; }
  // A BLOB of a column without a declared type is shown as a string.
  std::string_view operator()(const sql::Bytes&) { return "text"; }
};

}  // namespace

ColumnClass classify_column(std::string_view type) {
  if (type == "boolean") return ColumnClass::boolean;
  if (type == "date" || type == "datetime" || type == "timestamp") return ColumnClass::timestamp;
  if (type.empty() || type == "text" || type == "json") return ColumnClass::text_like;
  for (const std::string_view prefix :
       {"varchar", "varying character", "nchar", "native character", "nvarchar", "clob"}) {
    if (type.starts_with(prefix)) return ColumnClass::text_like;
  }
  return ColumnClass::plain;
}

std::string_view inferred_type(const sql::Cell& cell) {
  return std::visit(TypeNamer{}, cell);
}

Status append_cell(std::string& out, const sql::Cell& cell, ColumnClass column, bool blob_array) {
  return std::visit(CellWriter{out, column, blob_array}, cell);
}

}  // namespace lockstep::api
