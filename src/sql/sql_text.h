// The little that must be known of SQL text before or beside SQLite's own parser: its first word,
// and rqlite's list of PRAGMAs that fail a whole request. Everything else is the authorizer's.
#pragma once

#include <string>
#include <string_view>

namespace lockstep::sql {

// ASCII only, as SQLite's keywords are.
std::string to_lower(std::string_view text);
// The first word in lower case, after white space, comments and empty statements; "" if none.
std::string first_word(std::string_view sql);
// True if nothing but white space, comments and semicolons is left.
bool is_blank(std::string_view sql);
// rqlite's check (contract 6.5): the text begins with a PRAGMA that would change how the database
// is stored. Anchored at the first word; what hides behind it is refused by the authorizer.
bool is_disallowed_pragma(std::string_view sql);

}  // namespace lockstep::sql
