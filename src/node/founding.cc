#include "node/founding.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/hash.h"

namespace lockstep::node {
namespace {

using Stage = wire::FoundReply::Stage;

// How often all others are asked, for how long an answer is believed, and how often the log says
// who is missing.
constexpr Duration kAskInterval = milliseconds(200);
constexpr Duration kBelief = seconds(2);
constexpr Duration kSayInterval = seconds(10);
// A node that founds a cluster of its own listens so long for one that calls it: members try to
// reach each other more often than that.
constexpr Duration kListenFor = seconds(1);

std::string names_of(const raft::Membership& membership) {
  std::string names;
  for (const auto& member : membership.members)
    names += (names.empty() ? "" : ", ") + member.id.value + " (" + member.address + ")";
  return names;
}

}  // namespace

Founding::Founding(env::Env env, const NodeOptions& options, bool is_new, std::uint32_t run,
                   std::uint64_t nonce, Consensus& consensus, Listener listener)
    : env_(env),
      options_(options),
      run_(run),
      nonce_(nonce),
      consensus_(consensus),
      listener_(std::move(listener)),
      ticker_(env, kAskInterval, [this] { tick(); }) {
  std::vector<std::string> addresses;
  if (is_new && options.voter && options.expect.members > 0 && !options.join.empty()) {
    mode_ = Mode::looking;
    addresses = options.join;
  } else if (is_new && options.voter && options.expect.members <= 1 && !options.may_join &&
             options.join.empty()) {
    mode_ = Mode::listening;
  } else if (!options.recover_members && is_untouched()) {
    // It was cut short here, perhaps: whether the others have come as far is to be found out again.
    mode_ = Mode::held;
    hold_.emplace(consensus_);
    for (const auto& member : consensus_.core().membership().members)
      addresses.push_back(member.address);
  }
  for (auto& address : addresses) {
    if (address == options.raft_addr) continue;
    if (std::ranges::find(targets_, address, &Target::address) == targets_.end())
      targets_.push_back({.address = std::move(address)});
  }
}

void Founding::start() {
  if (mode_ == Mode::idle) return;
  const TimePoint now = env_.clock.now();
  if (mode_ == Mode::listening) {
    env_.turns.at(now + kListenFor, life_.guard([this] { found_alone(); }));
    return;
  }
  if (options_.expect.members > 0) give_up_ = now + options_.expect.patience;
  say_at_ = now + kSayInterval;
  tick();
  ticker_.start();
}

bool Founding::is_untouched() const {
  const auto& core = consensus_.core();
  const raft::HardState hard = core.hard_state();
  return core.membership().voter_count() > 1 && core.first_index() == LogIndex{1} &&
         core.last_index() == LogIndex{1} && hard.term <= Term{1} && !hard.vote;
}

void Founding::tick() {
  if (mode_ == Mode::idle) return ticker_.stop();
  if (consensus_.core().leader()) {
    if (!LOCKSTEP_BUG(held_elections_leak)) release();
    mode_ = Mode::idle;
    return;
  }
  const TimePoint now = env_.clock.now();
  if (now >= give_up_)
    return listener_.failed(
        {Errc::timeout, "boot timeout: no cluster has formed: " + what_is_missing()});
  if (now >= say_at_) {
    say_at_ = now + kSayInterval;
    env_.log.write(LogLevel::warning, "founding", "still waiting: " + what_is_missing());
  }
  if (mode_ != Mode::electing) ask_all();
}

void Founding::ask_all() {
  ++round_;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const std::uint64_t number = round_ * targets_.size() + i;
    if (!targets_[i].self)
      consensus_.post_to(targets_[i].address, {}, wire::FoundAsk{run_ << 32 | number});
  }
}

// Whom the question with this id was for; null if this life did not ask it.
Founding::Target* Founding::asked(std::uint64_t id) {
  if (id >> 32 != run_ || targets_.empty()) return nullptr;
  return &targets_[(id & 0xffffffff) % targets_.size()];
}

void Founding::on_own_ask(const wire::FoundAsk& ask) {
  if (Target* target = asked(ask.id)) target->self = true;
}

void Founding::on_ask(const NodeId& from, const std::string& address, const wire::FoundAsk& ask) {
  if (address.empty()) return;
  const auto& core = consensus_.core();
  wire::FoundReply reply{
      .id = ask.id, .stage = Stage::joining, .founders = core.membership(), .nonce = nonce_};
  if (is_untouched()) {
    reply.stage = core.durable_index() >= LogIndex{1} ? Stage::founded : Stage::ready;
  } else if (!reply.founders.members.empty()) {
    reply.stage = Stage::member;
  } else if (mode_ == Mode::looking) {
    reply.stage = Stage::ready;
    reply.founders = proposal();
  }
  consensus_.post_to(address, from, std::move(reply));
}

void Founding::on_reply(const NodeId& from, const std::string& address, wire::FoundReply reply) {
  Target* target = asked(reply.id);
  if (target == nullptr || (target->heard && target->heard->id >= reply.id)) return;
  target->heard = {.id = reply.id,
                   .at = env_.clock.now(),
                   .member = {from, address, true},
                   .stage = reply.stage,
                   .founders = std::move(reply.founders),
                   .nonce = reply.nonce};
  if (mode_ == Mode::looking) return look();
  if (mode_ == Mode::held) look_for_founders();
}

bool Founding::is_current(const Target& target) const {
  return target.heard && env_.clock.now() - target.heard->at < kBelief;
}

void Founding::look() {
  for (const Target& target : targets_) {
    if (!target.heard || target.heard->stage != Stage::member) continue;
    mode_ = Mode::idle;
    env_.log.write(LogLevel::info, "founding",
                   "node " + target.heard->member.id.value + " belongs to a cluster: joining it");
    return listener_.join(give_up_);
  }
  const raft::Membership mine = proposal();
  const bool agreed = !mine.members.empty() && std::ranges::all_of(targets_, [&](const Target& t) {
    return t.self || t.heard->founders == mine;
  });
  if (agreed) found(mine);
}

raft::Membership Founding::proposal() const {
  raft::Membership all;
  all.put({options_.self, options_.raft_addr, true});
  for (const Target& target : targets_) {
    if (target.self) continue;
    const bool willing = is_current(target) && (target.heard->stage == Stage::ready ||
                                                target.heard->stage == Stage::founded);
    if (!willing) return {};
    const auto& other = target.heard->member;
    const bool taken = std::ranges::any_of(all.members, [&](const raft::Member& known) {
      return known.id == other.id || known.address == other.address;
    });
    if (taken) return {};
    all.put(other);
  }
  if (all.members.size() != options_.expect.members) return {};
  const auto name = name_of(all);
  if (!name) return {};
  all.cluster = *name;
  return all;
}

// Who has founded already has a name for it; else all nonces together are one, the same for all who
// know the same founders. Nullopt: some have founded another cluster of the same members.
std::optional<ClusterId> Founding::name_of(const raft::Membership& founders) const {
  std::optional<ClusterId> founded;
  RunningHash high;
  RunningHash low;
  low.add(std::uint64_t{1});
  for (const auto& member : founders.members) {
    std::uint64_t nonce = nonce_;
    for (const Target& target : targets_) {
      if (target.self || target.heard->member.id != member.id) continue;
      nonce = target.heard->nonce;
      if (target.heard->stage != Stage::founded) continue;
      const auto& theirs = target.heard->founders;
      if (theirs.members != founders.members || (founded && *founded != theirs.cluster))
        return std::nullopt;
      founded = theirs.cluster;
    }
    for (auto* hash : {&high, &low}) {
      hash->add(member.id.value);
      hash->add(nonce);
    }
  }
  return founded.value_or(ClusterId{high.value(), low.value()});
}

void Founding::found_alone() {
  if (mode_ != Mode::listening) return;
  mode_ = Mode::idle;
  raft::Membership alone;
  alone.put({options_.self, options_.raft_addr, true, options_.api_addr});
  alone.cluster = options_.new_cluster;
  listener_.founded();
  consensus_.bootstrap(alone);
}

void Founding::found(const raft::Membership& founders) {
  env_.log.write(LogLevel::info, "founding", "founding a cluster of " + names_of(founders));
  mode_ = Mode::held;
  hold_.emplace(consensus_);
  listener_.founded();
  consensus_.bootstrap(founders);
}

void Founding::look_for_founders() {
  const auto& core = consensus_.core();
  // What is not durable here may yet be forgotten, and then this node has not founded anything.
  if (core.durable_index() < LogIndex{1}) return;
  const auto same = [&](const Target& target, Stage stage) {
    return target.heard && target.heard->stage == stage &&
           target.heard->founders == core.membership();
  };
  const bool all = std::ranges::all_of(
      targets_, [&](const Target& t) { return t.self || same(t, Stage::founded); });
  const bool begun =
      std::ranges::any_of(targets_, [&](const Target& t) { return same(t, Stage::member); });
  if (all || begun) release();
}

void Founding::heard_consensus(const NodeId& from) {
  if (mode_ == Mode::held && consensus_.core().membership().find(from)) release();
}

void Founding::release() {
  if (!hold_) return;
  mode_ = Mode::electing;
  env_.log.write(LogLevel::info, "founding", "all founders are there");
  hold_->release();
  hold_.reset();
}

std::string Founding::waits_for() const {
  if (mode_ == Mode::listening) return "a cluster that knows this node, before it founds its own";
  if (mode_ == Mode::looking || mode_ == Mode::held)
    return "the other founders: " + what_is_missing();
  return "";
}

std::string Founding::what_is_missing() const {
  if (mode_ == Mode::electing) return "no leader was elected";
  std::string text;
  std::size_t others = 0;
  for (const Target& target : targets_) {
    if (target.self) continue;
    ++others;
    const std::string missing = what_is_missing_at(target);
    if (!missing.empty()) text += (text.empty() ? "" : "; ") + missing;
  }
  if (mode_ == Mode::looking && others == options_.expect.members)
    text += (text.empty() ? "" : "; ") + std::string("this node is none of the ") +
            std::to_string(others) + " to be joined through, so it waits for their cluster";
  return text.empty() ? "the other nodes do not agree yet" : text;
}

std::string Founding::what_is_missing_at(const Target& target) const {
  if (!is_current(target)) return target.address + " does not answer";
  const Heard& heard = *target.heard;
  const std::string who = "node " + heard.member.id.value + " at " + target.address;
  const auto& core = consensus_.core();
  const raft::Membership mine = mode_ == Mode::held ? core.membership() : proposal();
  if (heard.stage == Stage::joining) return who + " waits to join a cluster, and founds none";
  const bool other =
      !heard.founders.members.empty() && !mine.members.empty() && heard.founders != mine;
  if (other) return who + " expects a cluster of " + names_of(heard.founders);
  if (heard.stage == Stage::ready && heard.founders.members.empty())
    return who + " does not see all others";
  if (mode_ == Mode::held && heard.stage != Stage::founded) return who + " has not founded it yet";
  return "";
}

}  // namespace lockstep::node
