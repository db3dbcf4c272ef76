// History files. docs/checker.md describes each format. In the event formats (edn, etcdlog, kvtxt)
// the order of lines is real time; in ours (jsonl) each line is a whole operation with its moments.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sim/check_problem.h"
#include "sim/history.h"

namespace lockstep::check {

enum class Format { edn, etcdlog, kvtxt, jsonl };

struct ParseOptions {
  // edn: a read of nil says nothing (files whose initial value is not nil write it for "not
  // known").
  bool nil_reads_unknown = false;
  // edn: a failed cas says that the value was another one. etcdlog always says so.
  bool failed_cas_missed = false;
};

// invalid: the first thing that is wrong, with its line.
Result<History> parse_history(std::string_view text, Format format, const ParseOptions& options);
// By the first characters.
Format guess_format(std::string_view text);

// One operation or log entry a line; parse_history() reads it back to an equal history.
std::string to_jsonl(const History& history);

// Pairs the events of one process after another. A client has at most one open operation.
class EventPairs {
 public:
  enum class Type { invoke, ok, fail, info };
  // `operation` carries client, kind, key, value...; an ok or fail event overwrites what its
  // invocation said, except where `keep_arguments`. invalid: events that do not pair.
  Status add(Type type, Operation operation, bool keep_arguments);
  // What never ended stays open. The pairs are used up.
  History take();

 private:
  History history_;
  std::vector<std::pair<std::uint64_t, std::size_t>> open_;  // client, operation
  std::int64_t now_ = 0;
};

Result<History> parse_edn(std::string_view text, const ParseOptions& options);
Result<History> parse_etcdlog(std::string_view text);
Result<History> parse_kvtxt(std::string_view text);
Result<History> parse_jsonl(std::string_view text);

}  // namespace lockstep::check
