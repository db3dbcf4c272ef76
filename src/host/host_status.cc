#include "host/host_status.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <thread>

#include "api/json_response.h"
#include "host/duration.h"
#include "host/node_options.h"
#include "host/version.h"

namespace lockstep::host {

namespace {

// Builds one JSON object, member by member.
class Object {
 public:
  Object& text(std::string_view name, std::string_view value) {
    begin(name);
    api::append_json_string(json_, value);
    return *this;
  }
  // `value` is JSON already.
  Object& raw(std::string_view name, std::string_view value) {
    begin(name);
    json_ += value;
    return *this;
  }
  Object& number(std::string_view name, std::uint64_t value) {
    return raw(name, std::to_string(value));
  }
  [[nodiscard]] std::string take() { return std::move(json_) + "}"; }

 private:
  void begin(std::string_view name) {
    if (json_.size() > 1) json_ += ',';
    api::append_json_string(json_, name);
    json_ += ':';
  }
  std::string json_ = "{";
};

std::string executable() {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

std::string hostname() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string os_json() {
  return Object()
      .text("executable", executable())
      .text("hostname", hostname())
      .number("page_size", static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)))
      .number("pid", static_cast<std::uint64_t>(::getpid()))
      .number("ppid", static_cast<std::uint64_t>(::getppid()))
      .take();
}

// The names are those of rqlite's Go runtime where the fact exists here too.
std::string runtime_json() {
  utsname system{};
  (void)::uname(&system);
  std::string_view machine = system.machine;
  if (machine == "x86_64") machine = "amd64";
  if (machine == "aarch64") machine = "arm64";
  return Object()
      .text("GOARCH", machine)
      .text("GOOS", "linux")
      .number("num_cpu", std::max(1u, std::thread::hardware_concurrency()))
      .text("version", "lockstep " + std::string(kVersion))
      .take();
}

std::string http_json(const HostFacts& facts) {
  Object http;
  if (!facts.http_allow_origin.empty()) http.text("allow_origin", facts.http_allow_origin);
  http.text("auth", "disabled").text("bind_addr", facts.http_bind_addr);
  http.raw("cluster", Object().text("local_node_addr", facts.raft_adv_addr).take());
  http.number("connections", facts.http_connections).number("requests", facts.http_requests);
  http.raw("tls", Object().text("enabled", "false").take());
  return http.take();
}

std::string peers_json(const HostFacts& facts) {
  return Object()
      .number("frames_dropped", facts.frames_dropped)
      .number("incoming_links", facts.peer_links)
      .take();
}

}  // namespace

std::vector<std::pair<std::string, std::string>> store_status(const Config& config) {
  const auto text = [](std::string_view value) {
    std::string json;
    api::append_json_string(json, value);
    return json;
  };
  const auto time = [&](Duration value) { return text(to_string(value)); };
  return {{"apply_timeout", time(config.raft_apply_timeout)},
          {"dir", text(config.data_folder)},
          {"election_timeout", time(config.raft_election_timeout)},
          {"heartbeat_timeout", time(config.raft_heartbeat_timeout)},
          {"reap_read_only_timeout", time(config.raft_reap_read_only_node_timeout)},
          {"reap_timeout", time(config.raft_reap_node_timeout)},
          {"snapshot_interval", time(config.raft_snap_interval)},
          {"snapshot_threshold", std::to_string(config.raft_snap)},
          {"trailing_logs", std::to_string(log_keep_entries(config))}};
}

std::vector<std::pair<std::string, std::string>> host_status(const HostFacts& facts) {
  return {{"http", http_json(facts)},
          {"os", os_json()},
          {"peers", peers_json(facts)},
          {"runtime", runtime_json()}};
}

}  // namespace lockstep::host
