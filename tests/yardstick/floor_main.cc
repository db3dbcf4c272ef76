// lockstep-floor: what this machine allows at most. A server of one thread that answers whatever is
// posted to it by one INSERT, after one fdatasync and one SQLite transaction for all the requests
// that it found waiting: no consensus, no recovery, no SQL of the client's. ci/measure puts a node
// beside it, so that a figure of one machine means something on another.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kBlockBytes = 4096;
constexpr std::size_t kLogBytes = 64u << 20;
constexpr std::string_view kUsage =
    "usage: lockstep-floor PORT FOLDER\n"
    "Serves POST /db/execute on 127.0.0.1:PORT: each request is one INSERT, whatever it says. "
    "Data\n"
    "in FOLDER, which exists. For lockstep-bench --work write; see docs/bench.md.\n";

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "lockstep-floor: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}
int must(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

// Blocks that were written before, so that a sync has nothing but data to make durable.
class Log {
 public:
  explicit Log(const std::string& path)
      : file_(must(::open(path.c_str(), O_RDWR | O_CREAT, 0644), "open the log")) {
    const std::string zeros(kLogBytes, '\0');
    if (::pwrite(file_, zeros.data(), zeros.size(), 0) != static_cast<ssize_t>(zeros.size()))
      die("fill the log");
    must(::fsync(file_), "sync the log");
  }
  void append(std::string batch) {
    batch.resize((batch.size() + kBlockBytes - 1) / kBlockBytes * kBlockBytes);
    if (at_ + batch.size() > kLogBytes) at_ = 0;
    if (::pwrite(file_, batch.data(), batch.size(), static_cast<off_t>(at_)) !=
        static_cast<ssize_t>(batch.size()))
      die("write the log");
    at_ += batch.size();
    must(::fdatasync(file_), "sync the log");
  }

 private:
  int file_;
  std::size_t at_ = 0;
};

class Table {
 public:
  explicit Table(const std::string& path) {
    check(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
    check(sqlite3_exec(db_,
                       "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                       "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, value TEXT)",
                       nullptr, nullptr, nullptr),
          SQLITE_OK);
    begin_ = prepare("BEGIN");
    insert_ = prepare("INSERT INTO t(value) VALUES('a value of some length')");
    commit_ = prepare("COMMIT");
  }
  void insert(std::size_t rows) {
    run(begin_);
    for (std::size_t i = 0; i < rows; ++i) run(insert_);
    run(commit_);
  }

 private:
  void check(int code, int expected) {
    if (code == expected) return;
    std::fprintf(stderr, "lockstep-floor: SQLite: %s\n", sqlite3_errmsg(db_));
    std::exit(1);
  }
  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr), SQLITE_OK);
    return statement;
  }
  void run(sqlite3_stmt* statement) {
    check(sqlite3_step(statement), SQLITE_DONE);
    check(sqlite3_reset(statement), SQLITE_OK);
  }

  sqlite3* db_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
};

int listen_on(std::uint16_t port) {
  const int listener = must(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  const int on = 1;
  must(::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  must(::listen(listener, 128), "listen");
  return listener;
}

void watch(int epoll, int socket) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = socket;
  must(::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event), "epoll_ctl");
}

void serve(int listener, Log& log, Table& table) {
  constexpr std::string_view kBody = "{\"results\":[{\"last_insert_id\":1,\"rows_affected\":1}]}";
  const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: " +
      std::to_string(kBody.size()) + "\r\n\r\n" + std::string(kBody);
  const int epoll = must(::epoll_create1(0), "epoll_create1");
  watch(epoll, listener);
  std::array<epoll_event, 256> events{};
  std::array<char, 65536> buffer{};
  for (;;) {
    const int ready = must(::epoll_wait(epoll, events.data(), events.size(), -1), "epoll_wait");
    std::vector<int> asked;
    std::string batch;
    for (int i = 0; i < ready; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == listener) {
        const int client = must(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK), "accept");
        const int on = 1;
        must(::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
        watch(epoll, client);
        continue;
      }
      // lockstep-bench's requests are small: one arrives whole, and alone.
      const ssize_t bytes = ::recv(socket, buffer.data(), buffer.size(), 0);
      if (bytes <= 0) {
        ::close(socket);
        continue;
      }
      batch.append(buffer.data(), static_cast<std::size_t>(bytes));
      asked.push_back(socket);
    }
    if (asked.empty()) continue;
    log.append(std::move(batch));
    table.insert(asked.size());
    for (const int socket : asked)
      if (::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) ::close(socket);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  if (given.size() == 1 && (given[0] == "-h" || given[0] == "--help")) {
    std::fputs(kUsage.data(), stdout);
    return 0;
  }
  std::uint16_t port = 0;
  if (given.size() == 2) std::from_chars(given[0].data(), given[0].data() + given[0].size(), port);
  if (port == 0) {
    std::fputs(kUsage.data(), stderr);
    return 2;
  }
  Log log(given[1] + "/log");
  Table table(given[1] + "/db");
  serve(listen_on(port), log, table);
}
