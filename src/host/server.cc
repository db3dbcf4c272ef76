#include "host/server.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <utility>

#include "api/handler.h"
#include "base/rng.h"
#include "host/address.h"
#include "host/caretaker.h"
#include "host/graceful_stop.h"
#include "host/host_status.h"
#include "host/http_message.h"
#include "host/http_server.h"
#include "host/join_resolver.h"
#include "host/loop.h"
#include "host/node_life.h"
#include "host/peer_listener.h"
#include "host/posix_disk.h"
#include "host/recovery_file.h"
#include "host/stderr_log.h"
#include "host/tcp_peers.h"
#include "host/version.h"

namespace lockstep::host {

namespace {

constexpr Duration kReadyPollInterval = milliseconds(20);
constexpr Duration kRecoveryPollInterval = milliseconds(100);

std::uint64_t draw_seed() {
  std::random_device device;
  const std::uint64_t high = device();
  return (high << 32) | device();
}

// What others are told: the flag if given; else the bound address with the port that port 0 became.
Result<std::string> advertise(const std::string& flag, const std::string& bind,
                              std::uint16_t port) {
  if (!flag.empty()) return flag;
  TRY_ASSIGN(HostPort address, parse_host_port(bind));
  address.port = port;
  return to_string(address);
}

// 128 bits of its own: a seed of 64 would be drawn twice too soon.
ClusterId draw_cluster() {
  return {draw_seed(), draw_seed()};
}

// A node that waits, to join or to found, lives: whoever restarts it for that makes it wait again.
bool asks_whether_it_lives(const api::Request& request) {
  return request.method == "GET" && request.target.starts_with("/readyz?") &&
         request.target.find("noleader") != std::string::npos;
}

bool asks_for_status(const api::Request& request) {
  return request.method == "GET" &&
         (request.target == "/status" || request.target.starts_with("/status?"));
}

}  // namespace

struct Server::State {
  explicit State(Config given)
      : config(std::move(given)), log({.raft = config.raft_log_level}), signals(loop.io()) {}

  Status set_up();
  Status open_ports();
  Status read_recovery();
  void make_life();
  api::HandlerOptions handler_options();
  HttpServer::Handle before_open();
  void opened();
  void closing();
  void say_when_ready();
  void finish_recovery();
  void wait_for_signal();
  void begin_stop(const std::string& why, bool leave_cluster);
  void end_loop();
  void fatal(const Error& error);
  void take_apart();
  [[nodiscard]] std::string where() const;

  Config config;
  Loop loop;
  StderrLog log;
  boost::asio::signal_set signals;
  std::uint64_t seed = draw_seed();
  Advertised advertised;
  std::optional<raft::Membership> recovery;  // not done yet
  std::unique_ptr<PosixDisk> disk;
  std::unique_ptr<TcpPeers> peers;
  std::unique_ptr<PeerListener> raft_port;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<NodeLife> life;
  std::unique_ptr<Caretaker> caretaker;   // of the present life
  std::optional<node::Lifeline> present;  // likewise: what polls this life
  std::unique_ptr<GracefulStop> stop;
  int exit_code = 0;
};

Status Server::State::set_up() {
  for (const std::string& note : config.notes) log.write(LogLevel::info, "flags", note);
  TRY_ASSIGN(disk, open_data_folder(config.data_folder));
  TRY(open_ports());
  TRY(read_recovery());
  PeersOptions peer_options;
  peer_options.seed = Rng(seed).derive("peers").next();
  peers = std::make_unique<TcpPeers>(loop, log, peer_options);
  make_life();
  return {};
}

Status Server::State::open_ports() {
  TRY_ASSIGN(const HostPort http_addr, parse_host_port(config.http_addr));
  TRY_ASSIGN(const HostPort raft_addr, parse_host_port(config.raft_addr));
  TRY_ASSIGN(const Listening http_socket, listen_on(http_addr));
  auto raft_socket = listen_on(raft_addr);
  if (!raft_socket) {
    ::close(http_socket.fd);
    return std::unexpected(std::move(raft_socket).error());
  }
  http = std::make_unique<HttpServer>(loop, log, http_socket, HttpOptions{}, before_open());
  raft_port = std::make_unique<PeerListener>(loop, log, *raft_socket, ListenerOptions{},
                                             [this](std::string_view frame) {
                                               if (life) life->receive(frame);
                                             });
  TRY_ASSIGN(advertised.http_addr,
             advertise(config.http_adv_addr, config.http_addr, http_socket.port));
  TRY_ASSIGN(advertised.raft_addr,
             advertise(config.raft_adv_addr, config.raft_addr, raft_socket->port));
  return {};
}

Status Server::State::read_recovery() {
  const NodeId self = node_options(config, advertised, seed).self;
  TRY_ASSIGN(recovery, read_recovery_file(config.data_folder, self, advertised.raft_addr));
  if (recovery)
    log.write(LogLevel::warning, "recovery",
              "raft/peers.json: going on with " + std::to_string(recovery->members.size()) +
                  " members, whatever the log says");
  return {};
}

void Server::State::make_life() {
  life = std::make_unique<NodeLife>(
      loop, log, *disk, *peers,
      NodeLife::Options{.config = config,
                        .advertised = advertised,
                        .seed = seed,
                        .new_cluster = draw_cluster(),
                        .handler = [this] { return handler_options(); },
                        .recover_members = recovery},
      NodeLife::Events{.opened = [this] { opened(); },
                       .closing = [this] { closing(); },
                       .failed = [this](const Error& error) { fatal(error); }});
}

api::HandlerOptions Server::State::handler_options() {
  api::HandlerOptions options;
  options.version = kVersion;
  options.http_adv_addr = advertised.http_addr;
  options.http_allow_origin = config.http_allow_origin;
  options.store_status = store_status(config);
  options.host_status = [this] {
    return host_status({.http_bind_addr = config.http_addr,
                        .http_allow_origin = config.http_allow_origin,
                        .raft_adv_addr = advertised.raft_addr,
                        .http_connections = http->connections(),
                        .http_requests = http->requests(),
                        .peer_links = raft_port->links(),
                        .frames_dropped = peers->dropped()});
  };
  return options;
}

void Server::State::opened() {
  http->set_handler([this](api::Request request, api::Responder responder) {
    life->handler()->handle(std::move(request), std::move(responder));
  });
  std::function<void()> removed;
  if (config.raft_remove_shutdown)
    removed = [this] { begin_stop("stopping: this node was removed from the cluster", false); };
  caretaker = std::make_unique<Caretaker>(
      loop, log, *life->node(),
      Caretaker::Options{.snapshot_interval = config.raft_snap_interval,
                         .reap = {.voters = config.raft_reap_node_timeout,
                                  .read_replicas = config.raft_reap_read_only_node_timeout}},
      std::move(removed));
  log.write(LogLevel::info, "node",
            "node " + life->node()->status().self.value + " started: " + where());
  present.emplace();
  say_when_ready();
  finish_recovery();
}

// Nodes that are to form a cluster together learn each other's Raft addresses this way.
HttpServer::Handle Server::State::before_open() {
  return [this](const api::Request& request, api::Responder responder) {
    if (asks_whether_it_lives(request)) return responder.answer(text_response(200, "[+]node ok"));
    if (!asks_for_status(request)) return responder.answer(text_response(503, "store not open"));
    responder.answer({.status = 200,
                      .headers = {{"Content-Type", "application/json; charset=utf-8"}},
                      .body = status_before_open(advertised.raft_addr)});
  };
}

void Server::State::closing() {
  present.reset();
  http->set_handler(before_open());
  caretaker.reset();
}

std::string Server::State::where() const {
  return "HTTP on " + advertised.http_addr + ", Raft on " + advertised.raft_addr + ", data in " +
         config.data_folder;
}

void Server::State::say_when_ready() {
  if (stop) return;
  const auto status = life->node()->status();
  if (status.ready)
    return log.write(LogLevel::info, "node", "node " + status.self.value + " ready: " + where());
  loop.at(loop.now() + kReadyPollInterval, present->guard([this] { say_when_ready(); }));
}

// The file goes once its members are those of the cluster; until then another start repeats it.
void Server::State::finish_recovery() {
  if (!recovery || stop) return;
  if (!is_recovered(life->node()->status(), *recovery)) {
    loop.at(loop.now() + kRecoveryPollInterval, present->guard([this] { finish_recovery(); }));
    return;
  }
  if (const auto done = finish_recovery_file(config.data_folder); !done) return fatal(done.error());
  log.write(LogLevel::info, "recovery", "done; raft/peers.json is now raft/peers.info");
  recovery.reset();
  life->forget_recovery();
}

void Server::State::wait_for_signal() {
  signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    // The second one: somebody does not want to wait.
    if (stop) std::_Exit(128 + signal);
    loop.begin_turn();
    begin_stop(signal == SIGTERM ? "stopping on SIGTERM" : "stopping on SIGINT",
               config.raft_cluster_remove_shutdown);
    wait_for_signal();
  });
}

void Server::State::begin_stop(const std::string& why, bool leave_cluster) {
  if (stop) return;
  log.write(LogLevel::info, "node", why);
  life->be_the_last();
  stop = std::make_unique<GracefulStop>(
      loop, log, *http, [this] { return life->node(); },
      GracefulStop::Options{.step_down = config.raft_shutdown_stepdown,
                            .leave_cluster = leave_cluster});
  stop->begin([this](const Status& status) {
    if (!status) return fatal(status.error());
    end_loop();
  });
}

// A read that is under way on a thread of the loop would keep it from ending.
void Server::State::end_loop() {
  if (life && life->node()) life->node()->end_reads();
  loop.stop();
}

// Whoever reports it may not be destroyed inside the call, so only the loop is told.
void Server::State::fatal(const Error& error) {
  if (std::exchange(exit_code, 1) != 0) return;
  std::fprintf(stderr, "fatal: %s\n", error.text.c_str());
  end_loop();
}

// Ports first, so that nothing new comes; then the node, with what its jobs and tasks hold; then
// what it used.
void Server::State::take_apart() {
  stop.reset();
  caretaker.reset();
  present.reset();
  if (http) http->close_all();
  if (raft_port) raft_port->stop();
  if (life) life->stop();
  if (peers) peers->stop();
  loop.drop_tasks();
}

Server::Server(Config config) : state_(std::make_unique<State>(std::move(config))) {}

Server::~Server() {
  state_->take_apart();
}

int Server::run() {
  State& state = *state_;
  boost::system::error_code error;
  state.signals.add(SIGTERM, error);
  state.signals.add(SIGINT, error);
  if (const auto done = state.set_up(); !done) {
    state.fatal(done.error());
    return state.exit_code;
  }
  state.wait_for_signal();
  state.loop.post([&state] { state.life->begin(); });
  state.loop.run();
  // Taking apart waits for jobs that are running. Who has no time for that sends another signal,
  // which means what it always does from here on.
  state.signals.clear(error);
  state.take_apart();
  return state.exit_code;
}

}  // namespace lockstep::host
