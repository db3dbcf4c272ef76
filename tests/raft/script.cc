#include "script.h"

#include <algorithm>

#include "base/bugs.h"
#include "base/check.h"
#include "format.h"

namespace lockstep::raft::test {
namespace {

std::string word(std::istringstream& words) {
  std::string text;
  words >> text;
  return text;
}

// "a->b", "a->", "->b", or "" for all.
bool is_on(const Message& message, const std::string& link) {
  const auto arrow = link.find("->");
  if (arrow == std::string::npos) return true;
  const std::string from = link.substr(0, arrow);
  const std::string to = link.substr(arrow + 2);
  return (from.empty() || from == message.from.value) && (to.empty() || to == message.to.value);
}

Options small_options() {
  Options options;
  options.message_bytes_max = 100;  // two or three entries
  options.inflight_bytes_max = 200;
  return options;
}

}  // namespace

Script::Script() : cluster_(small_options()) {
  cluster_.on_effects = [this](const Host& host, const Effects& effects) {
    out_ += format(host, effects);
  };
}

Script::~Script() {
  switch_bug_on(Bug::none);
}

std::string Script::play(const std::string& transcript) {
  std::string result;
  std::istringstream lines(transcript);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with("> ")) {
      out_.clear();
      run(line.substr(2));
      note_violation();
      result += line + "\n" + out_;
    } else if (line.empty() || line.starts_with("#")) {
      result += line + "\n";
    }
  }
  return result;
}

void Script::run(const std::string& line) {
  std::istringstream words(line);
  const std::string verb = word(words);
  if (verb == "quiet") {
    const std::string before = out_;
    run(line.substr(6));
    out_ = before;
  } else if (!run_fault(verb, words) && !run_request(verb, words) && !run_view(verb, words)) {
    out_ += "unknown command\n";
  }
}

bool Script::run_fault(const std::string& verb, std::istringstream& words) {
  if (verb == "timeout") {
    timeout(NodeId{word(words)});
  } else if (verb == "advance") {
    cluster_.advance(milliseconds(std::stoi(word(words))));
  } else if (verb == "deliver" || verb == "last" || verb == "drop" || verb == "twice") {
    move_messages(verb, word(words));
  } else if (verb == "persist") {
    if (!cluster_.persist(NodeId{word(words)})) out_ += "nothing to persist\n";
  } else if (verb == "settle") {
    settle();
  } else if (verb == "elect") {
    const NodeId id{word(words)};
    elect(id, words);
  } else if (verb == "run") {
    pass(milliseconds(std::stoi(word(words))));
  } else if (verb == "cut") {
    cut_.insert(NodeId{word(words)});
  } else if (verb == "join") {
    cut_.erase(NodeId{word(words)});
  } else if (verb == "crash") {
    const NodeId id{word(words)};
    const std::string kept = word(words);
    cluster_.crash(id, kept.empty() ? 0 : std::stoul(kept));
  } else if (verb == "restart") {
    const NodeId id{word(words)};
    cluster_.restart(id, cluster_.host(id).base);
  } else if (verb == "install") {
    const NodeId id{word(words)};
    const NodeId from{word(words)};
    cluster_.install_image(id, from, LogIndex{std::stoull(word(words))}, 0);
  } else if (verb == "bug") {
    const auto bug = bug_from_name(word(words));
    CHECK(bug.has_value());
    switch_bug_on(*bug);
    bug_was_on_ = true;
  } else {
    return false;
  }
  return true;
}

bool Script::run_request(const std::string& verb, std::istringstream& words) {
  if (verb == "found") {
    std::vector<std::string> names;
    for (std::string name = word(words); !name.empty(); name = word(words)) names.push_back(name);
    cluster_.found(voters(names));
    return true;
  }
  static const std::set<std::string> kVerbs{"node",    "propose", "read",    "transfer", "add",
                                            "learner", "remove",  "compact", "resign"};
  if (!kVerbs.contains(verb)) return false;
  const NodeId id{word(words)};
  const std::string other = word(words);
  const auto ask = [&](auto call) {
    cluster_.step(id, [&](Core& core, Effects& out) { call(core, cluster_.now(), out); });
  };
  if (verb == "node") {
    cluster_.add_node(id);
  } else if (verb == "propose") {
    std::vector<Proposal> proposals;
    for (std::string payload = other; !payload.empty(); payload = word(words))
      proposals.push_back({++request_, Blob(payload)});
    ask([&](Core& core, TimePoint now, Effects& out) { core.propose(now, proposals, out); });
  } else if (verb == "read") {
    cluster_.oracle().read_asked(++request_);
    ask([&](Core& core, TimePoint now, Effects& out) { core.read(now, request_, out); });
  } else if (verb == "transfer") {
    const std::optional<NodeId> target =
        other.empty() ? std::nullopt : std::optional(NodeId{other});
    ask([&](Core& core, TimePoint now, Effects& out) {
      core.transfer(now, ++request_, target, out);
    });
  } else if (verb == "add" || verb == "learner" || verb == "remove") {
    std::optional<Member> member;
    if (verb != "remove")
      member = Member{.id = NodeId{other}, .address = other + ":1", .voter = verb == "add"};
    ask([&](Core& core, TimePoint now, Effects& out) {
      core.change_membership(now, ++request_, NodeId{other}, member, out);
    });
  } else if (verb == "resign") {
    ask([&](Core& core, TimePoint now, Effects& out) { core.resign(now, out); });
  } else {
    cluster_.compact(id, LogIndex{std::stoull(other)});
  }
  return true;
}

bool Script::run_view(const std::string& verb, std::istringstream& words) {
  if (verb == "status") {
    for (const auto& [id, host] : cluster_.hosts()) out_ += format_status(host) + "\n";
  } else if (verb == "log") {
    for (const auto& [id, host] : cluster_.hosts())
      out_ += id.value + ": " + format_entries(host.memory) + "\n";
  } else if (verb == "net") {
    for (const Message& message : cluster_.network()) out_ += format(message) + "\n";
  } else if (verb == "match") {
    const Core& core = *cluster_.host(NodeId{word(words)}).core;
    const auto match = core.match_index(NodeId{word(words)});
    out_ += (match ? to_string(*match) : "unknown") + "\n";
  } else if (verb == "members") {
    const Core& core = *cluster_.host(NodeId{word(words)}).core;
    for (const Member& member : core.membership_at(LogIndex{std::stoull(word(words))}).members)
      out_ += member.id.value + (member.voter ? "" : "(learner)") + "\n";
  } else {
    return false;
  }
  return true;
}

void Script::timeout(const NodeId& id) {
  const TimePoint due = cluster_.host(id).deadline;
  if (due == kNever) {
    out_ += id.value + " has no deadline\n";
    return;
  }
  if (due > cluster_.now()) cluster_.advance(due - cluster_.now());
  cluster_.deadline(id);
}

void Script::move_messages(const std::string& verb, const std::string& link) {
  auto& network = cluster_.network();
  std::size_t left = static_cast<std::size_t>(
      std::ranges::count_if(network, [&](const Message& m) { return is_on(m, link); }));
  if (left == 0) out_ += "nothing under way\n";
  const bool only_last = verb == "last";
  for (std::size_t i = 0; left > 0;) {
    if (!is_on(network[i], link)) {
      ++i;
      continue;
    }
    --left;
    if (verb == "twice") {
      network.push_back(Message(network[i]));
      ++i;
    } else if (verb == "drop" || is_cut(network[i])) {
      network.erase(network.begin() + static_cast<std::ptrdiff_t>(i));
    } else if (only_last && left > 0) {
      ++i;
    } else {
      cluster_.deliver(i);
    }
  }
}

bool Script::is_cut(const Message& message) const {
  return cut_.contains(message.from) || cut_.contains(message.to);
}

void Script::settle() {
  auto& network = cluster_.network();
  for (int i = 0; i < 1000; ++i) {
    bool moved = false;
    for (const auto& [id, host] : cluster_.hosts()) moved = cluster_.persist(id) || moved;
    std::erase_if(network, [&](const Message& message) { return is_cut(message); });
    if (!network.empty()) {
      cluster_.deliver(0);
      moved = true;
    }
    if (!moved) return;
  }
  out_ += "does not settle\n";
}

void Script::elect(const NodeId& id, std::istringstream& words) {
  const std::string before = out_;
  std::set<NodeId> electors{id};
  for (std::string name = word(words); !name.empty(); name = word(words))
    electors.insert(NodeId{name});
  const auto& network = cluster_.network();
  const auto is_vote = [&](const Message& message) {
    return electors.contains(message.from) && electors.contains(message.to) &&
           (std::holds_alternative<VoteAsk>(message.body) ||
            std::holds_alternative<VoteReply>(message.body));
  };
  const auto leads = [&] { return cluster_.host(id).core->role() == Role::leader; };
  cluster_.advance(milliseconds(700));
  for (int i = 0; i < 100 && !leads(); ++i) {
    bool moved = false;
    for (const NodeId& elector : electors) moved = cluster_.persist(elector) || moved;
    const auto vote = std::ranges::find_if(network, is_vote);
    if (vote != network.end()) {
      cluster_.deliver(static_cast<std::size_t>(vote - network.begin()));
    } else if (!moved) {
      timeout(id);
    }
  }
  std::erase_if(cluster_.network(), [&](const Message& message) {
    return !std::holds_alternative<Append>(message.body) || message.from != id;
  });
  out_ = before + format_status(cluster_.host(id)) + "\n";
}

void Script::pass(Duration time) {
  const TimePoint end = cluster_.now() + time;
  for (;;) {
    settle();
    const Host* next = nullptr;
    for (const auto& [id, host] : cluster_.hosts())
      if (host.deadline <= end && (!next || host.deadline < next->deadline)) next = &host;
    if (!next) break;
    timeout(next->id);
  }
  cluster_.advance(end - cluster_.now());
}

void Script::note_violation() {
  if (violated_ || !cluster_.oracle().violation()) return;
  violated_ = true;
  out_ += "VIOLATION: " + *cluster_.oracle().violation() + "\n";
}

}  // namespace lockstep::raft::test
