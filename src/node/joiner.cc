#include "node/joiner.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"

namespace lockstep::node {
namespace {

// How often it looks whether it has to ask, and if so, does: one address each time.
constexpr Duration kAskInterval = milliseconds(200);
// A member that hears no leader for so long asks whether it still is one.
constexpr Duration kSilenceMax = seconds(1);
// So long after the first answer from another cluster, one from its own would have come too.
constexpr Duration kForeignGrace = seconds(1);
constexpr std::size_t kAddressesMax = 64;

}  // namespace

Joiner::Joiner(env::Env env, const NodeOptions& options, bool fresh, std::uint64_t nonce,
               Consensus& consensus, Listener listener)
    : env_(env),
      options_(options),
      consensus_(consensus),
      listener_(std::move(listener)),
      nonce_(nonce),
      told_to_join_(options.may_join || !options.join.empty()),
      fresh_(fresh && told_to_join_),
      addresses_(options.join),
      ticker_(env, kAskInterval, [this] { tick(); }) {
  const auto* now = in_force();
  voter_meant_ = now != nullptr && now->voter;
}

void Joiner::start() {
  if (std::exchange(started_, true)) return;
  began_ = env_.clock.now();
  if (give_up_ == kNever && told_to_join_)
    give_up_ = began_ + options_.join_interval * options_.join_attempts;
  tick();
  ticker_.start();
}

void Joiner::join_by(TimePoint give_up) {
  give_up_ = give_up;
  start();
}

void Joiner::meet(const std::vector<std::string>& addresses) {
  if (addresses_.empty()) began_ = env_.clock.now();
  for (const std::string& each : addresses) remember(each);
}

void Joiner::remember(const std::string& address) {
  const bool known = std::ranges::find(addresses_, address) != addresses_.end();
  if (known || address.empty() || addresses_.size() >= kAddressesMax) return;
  addresses_.push_back(address);
}

const raft::Member* Joiner::in_force() const {
  return consensus_.core().membership().find(options_.self);
}

// Flags say what a node is to be when it joins; a member without a join list keeps the role it has,
// or had when this life began and lost since.
raft::Member Joiner::wanted() const {
  const auto* now = in_force();
  const bool asked = told_to_join_ || now == nullptr;
  // The only voter stays one.
  const bool needed =
      now != nullptr && now->voter && consensus_.core().membership().voter_count() == 1;
  const bool voter = needed || (asked ? options_.voter : (now->voter || voter_meant_));
  return {options_.self, options_.raft_addr, voter, options_.api_addr};
}

bool Joiner::is_as_wanted() const {
  const auto* now = in_force();
  if (now == nullptr || *now != wanted()) return false;
  return consensus_.core().membership_index() <= consensus_.core().commit();
}

bool Joiner::is_settled() const {
  const auto* committed = consensus_.committed_membership().find(options_.self);
  const auto* now = in_force();
  return committed != nullptr && now != nullptr && !removed_ &&
         committed->voter == wanted().voter && now->voter == committed->voter;
}

bool Joiner::is_silent() const {
  const auto& core = consensus_.core();
  if (!core.leader()) return true;
  const auto contact = core.leader_contact();
  return contact && env_.clock.now() - *contact >= kSilenceMax;
}

void Joiner::look_at_itself() {
  const auto* now = in_force();
  if (now == nullptr || is_silent()) return;
  voter_meant_ = voter_meant_ || now->voter;
  removed_ = false;  // Legal: it was let in again by somebody else's wish.
  rejoins_ = false;
  if (!is_as_wanted()) return;
  member_once_ = true;
  refused_because_.clear();
}

void Joiner::tick() {
  if (LOCKSTEP_BUG(promotion_forgotten) && in_force() != nullptr && *in_force() == wanted())
    return ticker_.stop();
  look_at_itself();
  look_for_strangers();
  if (!removed_ && (!is_as_wanted() || (is_silent() && !fresh_))) ask();
}

void Joiner::ask() {
  const auto leader = consensus_.core().leader();
  // Whoever hears a leader is being let in, however long its image takes.
  const bool is_member = in_force() != nullptr;
  if (!is_member && !leader && env_.clock.now() >= give_up_) {
    const std::string why = refused_because_.empty() ? "no member answered" : refused_because_;
    give_up_ = kNever;
    return listener_.failed({Errc::timeout, "could not join the cluster: " + why});
  }
  say_that_it_moved();
  if (leader == options_.self) {
    if (is_member && !is_as_wanted()) listener_.change_self(wanted());
    return;
  }
  // A leader that is not heard may be gone: every other time somebody else is asked.
  const bool knows = leader && !consensus_.address_of(*leader).empty();
  asks_leader_ = knows && (!asks_leader_ || !is_silent());
  asks_leader_ ? ask_leader(*leader) : ask_around();
}

void Joiner::say_that_it_moved() {
  const auto* now = in_force();
  if (now == nullptr || now->address == options_.raft_addr || std::exchange(said_moved_, true))
    return;
  env_.log.write(LogLevel::info, "join",
                 "the cluster knows this node at the address " + now->address +
                     "; it is reached at " + options_.raft_addr +
                     " now, and asks the leader to say so");
}

void Joiner::ask_leader(const NodeId& leader) {
  post_ask(consensus_.address_of(leader), leader, !wants_in());
}

// A member asks the others too, where the log says they are: it may be none any more.
void Joiner::ask_around() {
  std::vector<std::string> targets = addresses_;
  for (const auto& member : consensus_.core().membership().members) {
    if (member.id != options_.self) targets.push_back(consensus_.address_of(member.id));
  }
  std::erase_if(targets,
                [&](const auto& each) { return each.empty() || each == options_.raft_addr; });
  if (!leader_hint_.empty()) return post_ask(std::exchange(leader_hint_, {}), {}, !wants_in());
  if (!targets.empty()) post_ask(targets[next_address_++ % targets.size()], {}, !wants_in());
}

// Whether it asks to be let in; else it takes itself for a member, and wants to know if it is none.
bool Joiner::wants_in() const {
  return rejoins_ || (in_force() == nullptr && may_join() && !member_once_);
}

void Joiner::post_ask(const std::string& address, const NodeId& to, bool as_member) {
  consensus_.post_to(address, to, wire::JoinAsk{nonce_, wanted(), fresh_, as_member});
}

// A node with data that was told to join: is that the cluster it belongs to? It asks for a while,
// even if all is well: a node that is a cluster by itself is content without an answer. Such a one
// ends; a member of a cluster of several has its place, and its log says what is wrong.
void Joiner::look_for_strangers() {
  if (fresh_ || !told_to_join_ || addresses_.empty() || in_force() == nullptr ||
      !looks_for_strangers_)
    return;
  const TimePoint now = env_.clock.now();
  const bool alone = consensus_.core().membership().members.size() == 1;
  if (!foreign_because_.empty() && answers_ == 0 && alone && now - foreign_at_ >= kForeignGrace) {
    const std::string why = std::exchange(foreign_because_, {});
    return listener_.failed({Errc::refused, "could not join the cluster: " + why});
  }
  looks_for_strangers_ =
      answers_ == 0 && now - began_ <= options_.join_interval * options_.join_attempts;
  if (!looks_for_strangers_ && answers_ == 0)
    env_.log.write(LogLevel::warning, "join",
                   "none of the -join addresses answers: this node goes on as the member of the "
                   "cluster that it is");
  if (!looks_for_strangers_) return;
  for (const std::string& address : addresses_) {
    if (address != options_.raft_addr) post_ask(address, {}, true);
  }
}

// A member of the own cluster that lost its data may have founded another one in its place, and one
// that was left out when the cluster was recovered may be there. That is their trouble.
void Joiner::on_foreign(const Sender& from, const std::string& reason) {
  const auto* member = consensus_.core().membership().find(from.id);
  if (member != nullptr && member->address == from.address) {
    if (!std::exchange(said_lost_, true))
      env_.log.write(LogLevel::warning, "join",
                     "node " + from.id.value + " at " + from.address +
                         ", a member of this cluster, belongs to cluster " +
                         to_string(from.cluster) + " now: it has lost its data");
    return;
  }
  if (!from.cluster.is_nil() && from.cluster == consensus_.recovered_from()) return;
  if (!foreign_because_.empty()) return;
  env_.log.write(LogLevel::warning, "join", reason);
  foreign_at_ = env_.clock.now();
  foreign_because_ = reason;
}

void Joiner::on_reply(const Sender& from, const wire::JoinReply& reply) {
  if (reply.id != nonce_) return;  // Legal: an earlier life asked.
  if (reply.answer == Answer::foreign) return on_foreign(from, reply.reason);
  const ClusterId mine = consensus_.cluster();
  if (!mine.is_nil() && !from.cluster.is_nil() && from.cluster != mine) return;
  ++answers_;
  switch (reply.answer) {
    case Answer::joined:
    case Answer::foreign:
      return;  // The log says so itself, soon.
    case Answer::removed:
      return on_removed();
    case Answer::refused:
      if (refused_because_ != reply.reason)
        env_.log.write(LogLevel::warning, "join", "not let in yet: " + reply.reason);
      refused_because_ = reply.reason;
      return;
    case Answer::admitted:
      if (!fresh_ || reply.fence.index == LogIndex{} || std::exchange(admitted_, true)) return;
      return consensus_.admit(reply.fence, from.cluster, life_.guard([this] { fresh_ = false; }));
    case Answer::redirect:
      if (reply.leader_address.empty() || reply.leader_address == options_.raft_addr) return;
      remember(reply.leader_address);
      leader_hint_ = reply.leader_address;
      return;
  }
}

void Joiner::on_removed() {
  if (fresh_ || removed_ || rejoins_ || !is_silent()) return;
  if (in_force() == nullptr && may_join() && !member_once_) return;  // It is joining already.
  if (member_once_) {
    removed_ = true;
    env_.log.write(
        LogLevel::warning, "join",
        "this node was removed from the cluster: it takes no part any more. To let it in "
        "again, start it with -join");
    return;
  }
  if (may_join()) {
    rejoins_ = true;
    env_.log.write(LogLevel::info, "join",
                   "this node was removed from the cluster: it asks to be let in again");
    return;
  }
  listener_.removed({Errc::refused,
                     "this node was removed from the cluster: to let it in again, start it with "
                     "-join; or give it an empty data folder"});
}

std::string Joiner::waits_for() const {
  if (removed_) return "this node was removed from the cluster";
  const std::string why = refused_because_.empty() ? "" : " (" + refused_because_ + ")";
  if (fresh_) return "to be let into the cluster" + why;
  if (rejoins_) return "to be let into the cluster again" + why;
  const auto* now = in_force();
  if (now == nullptr) return may_join() ? "to be let into the cluster" + why : "";
  if (!is_as_wanted() && !now->voter && wanted().voter) return "to become a voter" + why;
  if (!is_as_wanted() && now->address != options_.raft_addr)
    return "the log to know its new address " + options_.raft_addr + why;
  return "";
}

}  // namespace lockstep::node
