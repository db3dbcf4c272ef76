#include "bench/requests.h"

namespace lockstep::bench {
namespace {

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: bench\r\n\r\n";
}

std::string post(const std::string& target, const std::string& body) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

constexpr char kInsert[] = "INSERT INTO lockstep_bench(value) VALUES(?)";
constexpr char kSelect[] = "SELECT value FROM lockstep_bench WHERE id=?";

std::string json_string(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

// The same text every time, so that a server may keep it prepared; the values differ.
std::string body_of(std::string_view sql, const std::vector<std::uint64_t>& values) {
  const std::string quoted = json_string(sql);
  const bool takes_value = sql.find('?') != std::string_view::npos;
  std::string body = "[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) body += ',';
    body += '[' + quoted + (takes_value ? ',' + std::to_string(values[i]) : "") + ']';
  }
  return body + ']';
}

// Scattered over the rows; each once before any comes again, as the stride is prime (unless it
// divides the rows).
std::uint64_t row_at(const Options& options, std::uint64_t number) {
  constexpr std::uint64_t kStride = 7919;
  return 1 + number * kStride % options.rows;
}

}  // namespace

std::vector<std::string> preparation(const Options& options) {
  if (options.work == Work::ready || !options.sql.empty()) return {};
  std::vector<std::string> requests = {post(
      "/db/execute",
      R"x(["CREATE TABLE IF NOT EXISTS lockstep_bench (id INTEGER PRIMARY KEY, value INTEGER)"])x")};
  if (options.work == Work::read) {
    requests.push_back(post(
        "/db/execute",
        R"x([["WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<?) INSERT OR IGNORE INTO lockstep_bench SELECT i,i FROM n",)x" +
            std::to_string(options.rows) + "]]"));
  }
  return requests;
}

std::string make_request(const Options& options, std::uint64_t number) {
  if (options.work == Work::ready) return get("/readyz");
  const bool writes = options.work == Work::write;
  const bool ours = options.sql.empty();
  std::vector<std::uint64_t> values(options.statements);
  for (unsigned i = 0; i < options.statements; ++i) {
    const std::uint64_t statement = number * options.statements + i;
    values[i] = writes && ours ? statement : row_at(options, statement);
  }
  std::string_view sql = options.sql;
  if (ours) sql = writes ? kInsert : kSelect;
  return post(writes ? "/db/execute" : "/db/query?level=" + options.level, body_of(sql, values));
}

bool is_good(const Options& options, const Reply& reply) {
  if (reply.status != 200) return false;
  return options.work == Work::ready || reply.body.find("\"error\"") == std::string_view::npos;
}

}  // namespace lockstep::bench
