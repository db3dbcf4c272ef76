#include "host/server.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>

#include "api/handler.h"
#include "base/rng.h"
#include "host/address.h"
#include "host/host_status.h"
#include "host/http_message.h"
#include "host/http_server.h"
#include "host/join_resolver.h"
#include "host/loop.h"
#include "host/node_options.h"
#include "host/peer_listener.h"
#include "host/posix_disk.h"
#include "host/stderr_log.h"
#include "host/tcp_peers.h"
#include "host/thread_lanes.h"
#include "host/version.h"
#include "node/node.h"

namespace lockstep::host {

namespace {

constexpr Duration kDrainTimeout = seconds(1);
constexpr Duration kReadyPollInterval = milliseconds(20);
constexpr unsigned kReadLanesMin = 2;
constexpr unsigned kReadLanesMax = 8;

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

void refuse_until_open(api::Request, api::Responder responder) {
  responder.answer(text_response(503, "store not open"));
}

}  // namespace

struct Server::State {
  explicit State(Config given)
      : config(std::move(given)), log({.raft = config.raft_log_level}), signals(loop.io()) {}

  Status set_up();
  void start_node();
  Status open_node(std::vector<std::string> join);
  [[nodiscard]] bool must_join() const;
  void resolve_and_join();
  void serve();
  void say_when_ready();
  void wait_for_signal();
  void begin_shutdown(int signal);
  void fatal(const Error& error);
  void take_apart();

  Config config;
  Loop loop;
  StderrLog log;
  boost::asio::signal_set signals;
  std::uint64_t seed = draw_seed();
  Advertised advertised;
  std::unique_ptr<PosixDisk> disk;
  std::unique_ptr<ThreadLanes> lanes;
  std::unique_ptr<TcpPeers> peers;
  std::unique_ptr<PeerListener> raft_port;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<JoinResolver> resolver;
  std::unique_ptr<node::Node> node;
  std::unique_ptr<api::Handler> handler;
  bool stopping = false;
  int exit_code = 0;
};

Status Server::State::set_up() {
  TRY_ASSIGN(const HostPort http_addr, parse_host_port(config.http_addr));
  TRY_ASSIGN(const HostPort raft_addr, parse_host_port(config.raft_addr));
  TRY_ASSIGN(disk, open_data_folder(config.data_folder));
  TRY_ASSIGN(const Listening http_socket, listen_on(http_addr));
  auto raft_socket = listen_on(raft_addr);
  if (!raft_socket) {
    ::close(http_socket.fd);
    return std::unexpected(std::move(raft_socket).error());
  }
  http = std::make_unique<HttpServer>(loop, log, http_socket, HttpOptions{}, refuse_until_open);
  raft_port = std::make_unique<PeerListener>(loop, log, *raft_socket, ListenerOptions{},
                                             [this](std::string_view frame) {
                                               // Before start() a frame is as good as lost; Raft
                                               // sends again.
                                               if (handler && !stopping) node->receive(frame);
                                             });
  TRY_ASSIGN(advertised.http_addr,
             advertise(config.http_adv_addr, config.http_addr, http_socket.port));
  TRY_ASSIGN(advertised.raft_addr,
             advertise(config.raft_adv_addr, config.raft_addr, raft_socket->port));
  PeersOptions peer_options;
  peer_options.seed = Rng(seed).derive("peers").next();
  peers = std::make_unique<TcpPeers>(loop, log, peer_options);
  lanes = std::make_unique<ThreadLanes>(
      loop, std::clamp(std::thread::hardware_concurrency(), kReadLanesMin, kReadLanesMax));
  return {};
}

Status Server::State::open_node(std::vector<std::string> join) {
  auto options = node_options(config, advertised, seed);
  options.join = std::move(join);
  const env::Env env{loop, loop, *lanes, *disk, *peers, log};
  TRY_ASSIGN(node, node::Node::open(env, std::move(options)));
  return {};
}

// A member under this address and role needs nobody's help to start again: the whole cluster may be
// starting with it.
bool Server::State::must_join() const {
  if (config.join.empty()) return false;
  const auto status = node->status();
  return std::ranges::none_of(status.members, [&](const node::PeerStatus& each) {
    return each.member.id == status.self && each.member.address == advertised.raft_addr &&
           each.member.voter != config.non_voter;
  });
}

void Server::State::start_node() {
  // Opened with the list as written, a new node forms no cluster of its own; whether it is new is
  // known only then.
  if (const auto opened = open_node(config.join); !opened) return fatal(opened.error());
  if (!must_join()) return serve();
  node.reset();  // Legal: it was not started.
  resolve_and_join();
}

void Server::State::resolve_and_join() {
  std::vector<JoinTarget> targets;
  for (const std::string& each : config.join) {
    auto target = parse_join_target(each);
    if (!target) return fatal(target.error());
    targets.push_back(std::move(*target));
  }
  JoinOptions options;
  options.give_up_after = config.join_interval * static_cast<Duration::rep>(std::min<std::uint64_t>(
                                                     config.join_attempts, 100'000));
  log.write(LogLevel::info, "join", "looking for the cluster to join");
  resolver = std::make_unique<JoinResolver>(
      loop, log, std::move(targets), options, [this](Result<std::vector<std::string>> found) {
        if (stopping) return;
        if (!found) return fatal(found.error());
        if (const auto opened = open_node(std::move(*found)); !opened) return fatal(opened.error());
        serve();
      });
}

void Server::State::serve() {
  api::HandlerOptions options;
  options.version = kVersion;
  options.http_adv_addr = advertised.http_addr;
  options.http_allow_origin = config.http_allow_origin;
  options.turns = &loop;
  options.host_status = [this] {
    return host_status({.http_bind_addr = config.http_addr,
                        .http_allow_origin = config.http_allow_origin,
                        .raft_adv_addr = advertised.raft_addr,
                        .http_connections = http->connections(),
                        .http_requests = http->requests(),
                        .peer_links = raft_port->links(),
                        .frames_dropped = peers->dropped()});
  };
  handler = std::make_unique<api::Handler>(*node, loop, std::move(options));
  node->start(
      [this](wire::Forward request, std::move_only_function<void(wire::ForwardReply)> done) {
        handler->serve_forwarded(std::move(request), std::move(done));
      },
      [this](const Error& error) { fatal(error); });
  http->set_handler([this](api::Request request, api::Responder responder) {
    handler->handle(std::move(request), std::move(responder));
  });
  const std::string where = "HTTP on " + advertised.http_addr + ", Raft on " +
                            advertised.raft_addr + ", data in " + config.data_folder;
  log.write(LogLevel::info, "node", "node " + node->status().self.value + " started: " + where);
  say_when_ready();
}

void Server::State::say_when_ready() {
  const auto status = node->status();
  if (!status.ready) {
    loop.at(loop.now() + kReadyPollInterval, [this] {
      if (!stopping) say_when_ready();
    });
    return;
  }
  log.write(LogLevel::info, "node",
            "node " + status.self.value + " ready: HTTP on " + advertised.http_addr + ", Raft on " +
                advertised.raft_addr + ", data in " + config.data_folder);
}

void Server::State::wait_for_signal() {
  signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    // The second one: somebody does not want to wait.
    if (stopping) std::_Exit(128 + signal);
    begin_shutdown(signal);
    wait_for_signal();
  });
}

void Server::State::begin_shutdown(int signal) {
  loop.begin_turn();
  log.write(LogLevel::info, "node",
            signal == SIGTERM ? "stopping on SIGTERM" : "stopping on SIGINT");
  http->drain([this] { loop.stop(); });
  loop.at(loop.now() + kDrainTimeout, [this] { loop.stop(); });
  stopping = true;
}

// The node asks not to be destroyed inside the call, so only the loop is told.
void Server::State::fatal(const Error& error) {
  if (std::exchange(exit_code, 1) != 0) return;
  std::fprintf(stderr, "fatal: %s\n", error.text.c_str());
  stopping = true;
  loop.stop();
}

// Ports first, so that nothing new comes; then the lanes, whose running jobs use what the node
// owns; then tasks that hold node state; the node last.
void Server::State::take_apart() {
  stopping = true;
  if (http) http->close_all();
  if (raft_port) raft_port->stop();
  resolver.reset();
  if (lanes) lanes->stop();
  if (peers) peers->stop();
  loop.drop_tasks();
  handler.reset();
  node.reset();
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
  state.wait_for_signal();
  if (const auto done = state.set_up(); !done) {
    state.fatal(done.error());
    return state.exit_code;
  }
  state.loop.post([&state] { state.start_node(); });
  state.loop.run();
  state.take_apart();
  return state.exit_code;
}

}  // namespace lockstep::host
