#include "host/removal_watch.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "host/http_probe.h"
#include "host/join_target.h"
#include "host/loop.h"

namespace lockstep::host {

namespace {

constexpr Duration kQuietFor = seconds(2);
constexpr Duration kAskTimeout = seconds(1);

bool hears_a_leader(const node::NodeStatus& status) {
  if (status.role == raft::Role::leader) return true;
  return status.leader_contact_age && *status.leader_contact_age < kQuietFor;
}

std::string_view text_of(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

bool is_true(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace

RemovalWatch::RemovalWatch(Loop& loop, std::function<void()> removed)
    : loop_(loop), removed_(std::move(removed)) {}

void RemovalWatch::look(const node::NodeStatus& status) {
  if (!removed_) return;
  bool is_member = false;
  std::vector<std::string> others;
  for (const auto& peer : status.members) {
    if (peer.member.id == status.self) {
      is_member = true;
    } else if (!peer.api_addr.empty()) {
      others.push_back(peer.api_addr);
    }
  }
  // A leader that removed itself has it in its log.
  if (!is_member && was_member_) return found_removed();
  was_member_ = is_member;
  if (!others.empty()) others_ = std::move(others);
  if (is_member && !hears_a_leader(status)) ask(status.self);
}

void RemovalWatch::ask(const NodeId& self) {
  if (asking_ || others_.empty()) return;
  const std::string asked = others_[turn_++ % others_.size()];
  const auto target = parse_join_target(asked);
  if (!target) return;
  asking_ = true;
  http_probe(loop_, target->address, "/nodes?ver=2&nonvoters", kAskTimeout,
             life_.guard([this, asked, self](const ProbeResult& answer) {
               loop_.begin_turn();
               asking_ = false;
               if (says_removed(answer.body, asked, self)) found_removed();
             }));
}

void RemovalWatch::found_removed() {
  if (const auto removed = std::exchange(removed_, nullptr)) removed();
}

bool says_removed(std::string_view body, std::string_view asked, const NodeId& self) {
  boost::json::error_code problem;
  const auto parsed = boost::json::parse({body.data(), body.size()}, problem);
  const auto* page = problem ? nullptr : parsed.if_object();
  const auto* nodes = page != nullptr ? page->if_contains("nodes") : nullptr;
  if (nodes == nullptr || !nodes->is_array()) return false;
  bool leads = false;
  for (const auto& each : nodes->get_array()) {
    const auto* node = each.if_object();
    if (node == nullptr || text_of(*node, "id") == self.value) return false;
    leads = leads || (is_true(*node, "leader") && text_of(*node, "api_addr") == asked);
  }
  return leads;
}

}  // namespace lockstep::host
