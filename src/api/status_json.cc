#include "api/status_json.h"

#include "api/go_format.h"
#include "api/go_time.h"
#include "api/json_object.h"
#include "api/json_response.h"
#include "sql/fingerprint.h"

namespace lockstep::api {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string wall_time(WallTime time) {
  std::int64_t second = time.unix_ms / 1000;
  std::int64_t rest = time.unix_ms % 1000;
  if (rest < 0) {
    rest += 1000;
    --second;
  }
  return format_rfc3339(second, static_cast<std::uint32_t>(rest * 1'000'000));
}

std::string_view role_name(raft::Role role) {
  switch (role) {
    case raft::Role::leader:
      return "Leader";
    case raft::Role::follower:
      return "Follower";
    case raft::Role::pre_candidate:
    case raft::Role::candidate:
      return "Candidate";
  }
  return "Follower";
}

// As rqlite: a leader shows 0, a node that never heard of one "never".
std::string last_contact(const node::NodeStatus& status) {
  if (status.role == raft::Role::leader) return "0";
  if (!status.leader_contact_age) return quoted("never");
  return quoted(format_duration(*status.leader_contact_age));
}

std::uint64_t other_voters(const node::NodeStatus& status) {
  std::uint64_t count = 0;
  for (const auto& peer : status.members) {
    if (peer.member.voter && peer.member.id != status.self) ++count;
  }
  return count;
}

std::uint64_t fsm_pending(const node::NodeStatus& status) {
  return status.commit > status.applied ? status.commit - status.applied : 0;
}

std::string raft_json(const node::NodeStatus& status) {
  return JsonObject()
      .number("applied_index", status.applied.value)
      .number("commit_index", status.commit.value)
      .number("durable_index", status.durable.value)
      .number("first_log_index", status.first_index.value)
      .number("fsm_pending", fsm_pending(status))
      .raw("last_contact", last_contact(status))
      .number("last_log_index", status.last_index.value)
      // A snapshot is a durable point of the database.
      .number("last_snapshot_index", status.durable.value)
      .number("num_peers", other_voters(status))
      .text("state", role_name(status.role))
      .number("term", status.term.value)
      .boolean("voter", status.voter)
      .print_sorted();
}

std::string members_json(const node::NodeStatus& status) {
  std::vector<std::string> members;
  for (const auto& [member, api_addr, reachable] : status.members) {
    members.push_back(JsonObject()
                          .text("id", member.id.value)
                          .text("addr", member.address)
                          .text("suffrage", member.voter ? "voter" : "nonvoter")
                          .print());
  }
  return json_array(members);
}

std::string sqlite_json(const node::NodeStatus& status) {
  const sql::SqliteBuild build = sql::sqlite_build();
  std::vector<std::string> options;
  for (const std::string& option : build.options) options.push_back(quoted(option));
  return JsonObject()
      .raw("compile_options", json_array(options))
      .text("fingerprint", sql::to_string(sql::fingerprint()))
      .text("math_package", build.math_package)
      .text("package", build.package)
      .text("source_id", build.source_id)
      .text("version", build.version)
      .number("wal_size", status.wal_bytes)
      .print();
}

std::string store_json(const node::NodeStatus& status, const StatusExtras& extras) {
  const std::string leader = JsonObject()
                                 .text("addr", status.leader_addr)
                                 .text("node_id", status.leader ? status.leader->value : "")
                                 .print_sorted();
  const std::string turned_away = JsonObject()
                                      .number("foreign", status.turned_away.foreign)
                                      .number("malformed", status.turned_away.malformed)
                                      .number("misdirected", status.turned_away.misdirected)
                                      .print_sorted();
  JsonObject store;
  store.text("addr", status.raft_addr)
      .text("cluster_id", status.cluster.is_nil() ? "" : to_string(status.cluster))
      .number("db_applied_index", status.applied.value)
      .boolean("disk_full", status.disk_full)
      .raw("frames_turned_away", turned_away)
      .number("fsm_index", status.applied.value)
      .raw("leader", leader)
      .text("node_id", status.self.value)
      .raw("nodes", members_json(status))
      .boolean("open", true)
      .text("out_of_service", status.out_of_service)
      .raw("raft", raft_json(status))
      .boolean("ready", status.ready)
      .boolean("removed", status.removed)
      .text("waits_for", status.waits_for)
      .raw("sqlite3", sqlite_json(status));
  for (const auto& [name, json] : extras.store) store.raw(name, json);
  return store.print_sorted();
}

}  // namespace

std::string status_json(const node::NodeStatus& status, const StatusExtras& extras) {
  JsonObject all;
  all.raw("build", JsonObject().text("version", extras.version).print());
  all.raw("cluster", JsonObject()
                         .text("addr", status.raft_addr)
                         .text("api_addr", status.api_addr)
                         .text("https", status.api_addr.starts_with("https://") ? "true" : "false")
                         .print_sorted());
  all.raw(
      "http",
      JsonObject().text("auth", "disabled").text("bind_addr", extras.http_adv_addr).print_sorted());
  all.raw("node", JsonObject()
                      .text("current_time", wall_time(extras.current_time))
                      .text("start_time", wall_time(extras.start_time))
                      .text("uptime", format_duration(extras.uptime))
                      .print_sorted());
  all.raw("store", store_json(status, extras));
  for (const auto& [name, json] : extras.host) all.raw(name, json);
  return all.print_sorted();
}

std::string node_json(const node::NodeStatus& status, const node::PeerStatus& peer,
                      const std::string& version) {
  const bool is_self = peer.member.id == status.self;
  const bool reachable = peer.reachable || is_self;
  const std::string& api_addr = is_self ? status.api_addr : peer.api_addr;
  JsonObject object;
  if (!peer.member.id.value.empty()) object.text("id", peer.member.id.value);
  if (reachable && !api_addr.empty()) object.text("api_addr", api_addr);
  if (!peer.member.address.empty()) object.text("addr", peer.member.address);
  object.text("version", is_self ? version : "");
  object.boolean("voter", peer.member.voter);
  object.boolean("reachable", reachable);
  object.boolean("leader", reachable && status.leader == peer.member.id);
  if (!reachable) object.text("error", "timeout waiting for node to respond");
  return object.print();
}

std::string nodes_json(const node::NodeStatus& status, const std::string& version, bool non_voters,
                       bool legacy) {
  JsonObject by_id;
  std::vector<std::string> list;
  for (const auto& peer : status.members) {
    if (!peer.member.voter && !non_voters) continue;
    std::string object = node_json(status, peer, version);
    if (legacy) {
      by_id.raw(peer.member.id.value, std::move(object));
    } else {
      list.push_back(std::move(object));
    }
  }
  if (legacy) return by_id.print_sorted();
  return JsonObject().raw("nodes", json_array(list)).print();
}

}  // namespace lockstep::api
