#include "host/node_life.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/rng.h"
#include "host/join_resolver.h"
#include "host/loop.h"
#include "host/thread_lanes.h"
#include "host/turn_queue.h"
#include "node/repair.h"

namespace lockstep::host {

namespace {

// Lanes that read at once, by the machine's processors; and so many more to take the place of those
// that are busy with long reads.
constexpr unsigned kReadsAtOnceMin = 2;
constexpr unsigned kReadsAtOnceMax = 8;
constexpr unsigned kReserveLanes = 6;
// Those who have moved all at once may be started one after another.
constexpr Duration kLookForOthers = std::chrono::hours(24);

unsigned reads_at_once() {
  return std::clamp(std::thread::hardware_concurrency(), kReadsAtOnceMin, kReadsAtOnceMax);
}

}  // namespace

// What is new in each life. Either `node` or `repair` or `resolver` is there.
struct NodeLife::Life {
  explicit Life(Loop& loop) : turns(loop), lanes(loop, reads_at_once() + kReserveLanes) {}
  // First the lanes, whose running jobs use what the node owns; then tasks that hold node state;
  // the node last.
  ~Life() {
    resolver.reset();
    if (node) node->end_reads();
    lanes.stop();
    turns.drop();
    handler.reset();
    node.reset();
    repair.reset();
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  TurnQueue turns;
  ThreadLanes lanes;
  std::unique_ptr<JoinResolver> resolver;
  std::unique_ptr<node::Repair> repair;
  std::unique_ptr<node::Node> node;
  std::unique_ptr<api::Handler> handler;  // once the node was started
};

NodeLife::NodeLife(Loop& loop, LogSink& log, env::Disk& disk, env::Peers& peers, Options options,
                   Events events)
    : loop_(loop),
      log_(log),
      disk_(disk),
      peers_(peers),
      options_(std::move(options)),
      events_(std::move(events)) {}

NodeLife::~NodeLife() {
  stop();
}

void NodeLife::stop() {
  events_ = {};
  life_.reset();
}

void NodeLife::begin() {
  CHECK(life_ == nullptr);
  if (++lives_ == 1) began_ = loop_.now();
  life_ = std::make_unique<Life>(loop_);
  if (damage_) return repair(*damage_);
  open();
}

void NodeLife::receive(std::string_view frame) {
  if (life_ == nullptr) return;
  if (life_->handler) life_->node->receive(frame);
  if (life_->repair) life_->repair->receive(frame);
}

node::Node* NodeLife::node() const {
  return handler() != nullptr ? life_->node.get() : nullptr;
}
api::Handler* NodeLife::handler() const {
  return life_ != nullptr ? life_->handler.get() : nullptr;
}

// The seed must differ, or a new life would reuse the request ids of the one before.
node::NodeOptions NodeLife::options_of_this_life() const {
  auto options = node_options(options_.config, options_.advertised,
                              Rng(options_.seed).derive("life", lives_).next());
  options.recover_members = options_.recover_members;
  options.new_cluster = options_.new_cluster;
  options.may_join = !options_.config.join.empty();
  options.reads_at_once = reads_at_once();
  options.expect.patience = time_to_form();
  return options;
}

// What is left of -bootstrap-expect-timeout.
Duration NodeLife::time_to_form() const {
  const Duration spent = loop_.now() - began_;
  return std::max<Duration>(options_.config.bootstrap_expect_timeout - spent, milliseconds(1));
}

Status NodeLife::open_node(std::vector<std::string> join) {
  auto options = options_of_this_life();
  options.join = std::move(join);
  const env::Env env{loop_, life_->turns, life_->lanes, disk_, peers_, log_};
  TRY_ASSIGN(life_->node, node::Node::open(env, std::move(options)));
  return {};
}

// Whether a node is new is known only once it was opened. One with data needs nobody's help to
// start again: the whole cluster may be starting with it.
void NodeLife::open() {
  if (const auto opened = open_node({}); !opened) return cannot_open(opened.error());
  if (options_.config.join.empty()) return serve();
  if (life_->node->status().holds_data) {
    serve();
    return look_for_others();
  }
  life_->node.reset();  // Legal: it was not started.
  resolve_and_join();
}

// Members may have moved, all at once even: then the list is all that leads to them.
void NodeLife::look_for_others() {
  resolve(kLookForOthers, [this](Result<std::vector<std::string>> found) {
    if (found && life_ && life_->node) life_->node->meet(*found);
  });
}

void NodeLife::resolve(Duration give_up_after,
                       std::function<void(Result<std::vector<std::string>>)> done) {
  std::vector<JoinTarget> targets;
  for (const std::string& each : options_.config.join) {
    auto target = parse_join_target(each);
    if (!target) return events_.failed(target.error());
    targets.push_back(std::move(*target));
  }
  JoinOptions options;
  options.expects_all = options_.config.bootstrap_expect > 0 && life_->node == nullptr;
  options.give_up_after = give_up_after;
  life_->resolver = std::make_unique<JoinResolver>(loop_, log_, std::move(targets), options,
                                                   alive_.guard(std::move(done)));
}

void NodeLife::resolve_and_join() {
  const Config& config = options_.config;
  const bool expects_all = config.bootstrap_expect > 0;
  const Duration patience =
      config.join_interval *
      static_cast<Duration::rep>(std::min<std::uint64_t>(config.join_attempts, 100'000));
  log_.write(LogLevel::info, "join",
             expects_all ? "looking for the other nodes of the cluster"
                         : "looking for the cluster to join");
  resolve(expects_all ? time_to_form() : patience, [this](Result<std::vector<std::string>> found) {
    if (!found) return events_.failed(found.error());
    // Listed under another name, perhaps.
    if (options_.config.bootstrap_expect > 0) std::erase(*found, options_.advertised.raft_addr);
    if (options_.config.bootstrap_expect > 1 && found->empty())
      return events_.failed({Errc::invalid, "all -join addresses are this node itself"});
    if (const auto opened = open_node(std::move(*found)); !opened)
      return cannot_open(opened.error());
    serve();
  });
}

void NodeLife::cannot_open(const Error& error) {
  if (error.code == Errc::corrupt) return repair(error);
  events_.failed(error);
}

// `damage`: what opening failed with, or what a running node met. That is what the operator is told
// if nobody can help, not how the attempt failed.
void NodeLife::repair(const Error& damage) {
  const env::Env env{loop_, life_->turns, life_->lanes, disk_, peers_, log_};
  auto planned = node::Repair::plan(env, options_of_this_life(), damage_.has_value(), damage);
  if (!planned) return events_.failed(damage);
  log_.write(LogLevel::warning, "repair", "damaged storage: " + damage.text);
  life_->repair = std::move(*planned);
  life_->repair->start([this](const Status& status) {
    // Not inside the call, which belongs to what is destroyed now.
    loop_.post(alive_.guard([this, status] { repaired(status); }));
  });
}

void NodeLife::repaired(const Status& status) {
  if (life_ == nullptr) return;  // Stopped meanwhile.
  if (!status) return events_.failed(status.error());
  log_.write(LogLevel::info, "repair", "the storage is whole again; opening it");
  damage_.reset();
  open_again();
}

void NodeLife::open_again() {
  life_.reset();
  if (!last_) begin();
}

void NodeLife::serve() {
  Life& life = *life_;
  auto options = options_.handler();
  options.turns = &life.turns;
  life.handler = std::make_unique<api::Handler>(*life.node, loop_, std::move(options));
  life.node->start(
      [handler = life.handler.get()](wire::Forward request,
                                     std::move_only_function<void(wire::ForwardReply)> done) {
        handler->serve_forwarded(std::move(request), std::move(done));
      },
      [this](const node::End& end) { loop_.post(alive_.guard([this, end] { ended(end); })); });
  events_.opened();
}

void NodeLife::ended(const node::End& end) {
  if (life_ == nullptr) return;  // Stopped meanwhile.
  switch (end.kind) {
    case node::End::Kind::failed:
    case node::End::Kind::removed:
      return events_.failed(end.error);
    case node::End::Kind::reopen:
      log_.write(LogLevel::info, "node", "opening again, with the image that came");
      break;
    case node::End::Kind::repair:
      log_.write(LogLevel::error, "node", "closing the damaged database to repair it");
      damage_ = end.error;
      break;
  }
  events_.closing();
  open_again();
}

}  // namespace lockstep::host
