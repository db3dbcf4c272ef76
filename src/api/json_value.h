// One cell as JSON (contract: docs/api.md, "Values"): decided by the value's storage class and the
// column's declared type.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sql/result.h"

namespace lockstep::api {

// What a declared type (lower case) means for the cells of its column.
enum class ColumnClass {
  plain,      // BLOBs as base64 (or arrays)
  text_like,  // BLOBs as strings; also columns without a declared type
  boolean,    // INTEGERs as true and false
  timestamp,  // INTEGERs and TEXTs as RFC 3339
};
ColumnClass classify_column(std::string_view decltype_lower);

// The type shown for a column without a declared one, from its cell in the first row.
std::string_view inferred_type(const sql::Cell& cell);

// Appends the cell. Errc::invalid if JSON has no form for it (an infinity).
Status append_cell(std::string& out, const sql::Cell& cell, ColumnClass column, bool blob_array);

}  // namespace lockstep::api
