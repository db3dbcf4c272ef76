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

// The same statement text every time, so that a server may keep it prepared; the values differ.
std::string insert_body(unsigned statements, std::uint64_t number) {
  std::string body = "[";
  for (unsigned i = 0; i < statements; ++i) {
    if (i > 0) body += ',';
    body +=
        R"x(["INSERT INTO lockstep_bench(value) VALUES(?)",)x" + std::to_string(number + i) + "]";
  }
  return body + "]";
}

std::string select_body(const Options& options, std::uint64_t number) {
  std::string body = "[";
  for (unsigned i = 0; i < options.statements; ++i) {
    if (i > 0) body += ',';
    const std::uint64_t id = 1 + (number * 7919 + i) % options.rows;
    body += R"x(["SELECT value FROM lockstep_bench WHERE id=?",)x" + std::to_string(id) + "]";
  }
  return body + "]";
}

}  // namespace

std::vector<std::string> preparation(const Options& options) {
  if (options.work == Work::ready) return {};
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
  switch (options.work) {
    case Work::ready:
      return get("/readyz");
    case Work::write:
      return post("/db/execute", insert_body(options.statements, number * options.statements));
    case Work::read:
      return post("/db/query?level=" + options.level, select_body(options, number));
  }
  return {};
}

bool is_good(const Options& options, const Reply& reply) {
  if (reply.status != 200) return false;
  return options.work == Work::ready || reply.body.find("\"error\"") == std::string_view::npos;
}

}  // namespace lockstep::bench
