#include "sql/result.h"

#include <bit>

namespace lockstep::sql {
namespace {

struct CellHash {
  RunningHash& hash;
  void operator()(wire::Null) const {}
  void operator()(std::int64_t v) const { hash.add(static_cast<std::uint64_t>(v)); }
  void operator()(double v) const { hash.add(std::bit_cast<std::uint64_t>(v)); }
  void operator()(const std::string& v) const { hash.add(std::string_view(v)); }
  void operator()(const Bytes& v) const { hash.add(std::string_view(v.value)); }
};

void add_all(RunningHash& hash, const std::vector<std::string>& texts) {
  hash.add(std::uint64_t{texts.size()});
  for (const auto& text : texts) hash.add(std::string_view(text));
}

struct OutcomeHash {
  RunningHash& hash;
  void operator()(std::monostate) const {}
  void operator()(const Counters& v) const {
    hash.add(static_cast<std::uint64_t>(v.last_insert_id));
    hash.add(static_cast<std::uint64_t>(v.rows_affected));
  }
  void operator()(const Rows& v) const {
    add_all(hash, v.columns);
    add_all(hash, v.decltypes);
    add_all(hash, v.tables);
    hash.add(std::uint64_t{v.cells.size()});
    for (const Cell& cell : v.cells) {
      hash.add(std::uint64_t{cell.index()});
      std::visit(CellHash{hash}, cell);
    }
  }
  void operator()(const SqlError& v) const {
    hash.add(std::string_view(v.text));
    hash.add(std::uint64_t{v.rows_wanted});
  }
};

}  // namespace

void add_to(RunningHash& hash, const CommandResult& result) {
  hash.add(std::string_view(result.error));
  hash.add(std::uint64_t{result.statements.size()});
  for (const auto& statement : result.statements) {
    hash.add(std::uint64_t{statement.outcome.index()});
    std::visit(OutcomeHash{hash}, statement.outcome);
  }
}

}  // namespace lockstep::sql
