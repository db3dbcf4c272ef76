// What comes from other nodes: is it for this one, and for which of its parts.
#include <utility>

#include "node/state.h"

namespace lockstep::node {
namespace {

constexpr std::uint64_t kServedLogBytesMax = 8u << 20;
// How long after it was founded a lone node may turn out to have its place elsewhere.
constexpr Duration kClaimable = std::chrono::hours(24);

}  // namespace

struct Node::State::FrameVisitor {
  State& node;
  const NodeId& from;
  const std::string& address;
  ClusterId cluster;

  void operator()(raft::Message& message) {
    // Who holds nothing has no place in consensus before it is let in or has founded.
    const bool outside = node.joiner.waits_for_admission() || node.founding.is_looking();
    if (outside || node.out_of_service()) return;
    node.founding.heard_consensus(from);
    node.consensus.receive(std::move(message));
  }
  void operator()(wire::Forward& request) {
    if (!node.out_of_service()) node.forwarder.on_request(from, std::move(request), node.serve);
  }
  void operator()(wire::ForwardReply& reply) { node.forwarder.on_reply(std::move(reply)); }
  void operator()(wire::JoinAsk& ask) {
    if (!node.out_of_service()) node.membership.on_join_ask(cluster, ask);
  }
  void operator()(wire::JoinReply& reply) { node.joiner.on_reply({from, address, cluster}, reply); }
  void operator()(wire::ProbeAsk& ask) { node.directory.on_ask(from, ask); }
  void operator()(wire::ProbeReply& reply) { node.directory.on_reply(from, std::move(reply)); }
  void operator()(wire::ReadAsk& ask) { node.reads.on_ask(from, ask); }
  void operator()(wire::ReadReply& reply) { node.reads.on_reply(from, reply); }
  void operator()(wire::ImageAsk& ask) { node.images.on_ask(from, ask); }
  void operator()(wire::ImageReply& reply) { node.fetcher.on_reply(from, std::move(reply)); }
  void operator()(wire::LogAsk& ask) { node.serve_log(from, ask); }
  void operator()(wire::FoundAsk& ask) { node.founding.on_ask(from, address, ask); }
  void operator()(wire::FoundReply& reply) {
    node.founding.on_reply(from, address, std::move(reply));
  }
  void operator()(wire::LogReply&) {}  // Legal: late, for a repair that is over.
};

void Node::State::receive(std::string_view bytes) {
  if (failed) return;
  auto frame =
      doorkeeper.admit(bytes, {options.self, consensus.cluster(), consensus.core().membership()});
  if (!frame) {
    if (doorkeeper.claimed_by()) claimed(*doorkeeper.claimed_by());
    return;
  }
  if (frame->from == options.self) {
    if (const auto* ask = std::get_if<wire::FoundAsk>(&frame->body)) founding.on_own_ask(*ask);
    return;
  }
  // Of strangers, too, that ask to be let in; but nobody of another cluster takes a member's place,
  // nor does one that holds nothing.
  const bool same = frame->cluster == consensus.cluster();
  if (same || consensus.core().membership().find(frame->from) == nullptr)
    consensus.note_address(frame->from, frame->reply_to);
  std::visit(FrameVisitor{*this, frame->from, frame->reply_to, frame->cluster}, frame->body);
}

// Others know this node as a member of their cluster. If it founded one by itself lately, or is
// about to, it was started on an empty disk in a member's place: what it takes would never be in
// that cluster, nor do its clients know that they speak to another one. A cluster that has been
// there for longer, or has several members, is its own judge: a forgotten node, or another cluster
// that was given the same names, must not stop it.
void Node::State::claimed(ClusterId by) {
  const auto& members = consensus.core().membership().members;
  const bool alone = members.size() == 1 && members.front().id == options.self;
  const bool founded = alone && founded_at && env.clock.now() - *founded_at < kClaimable;
  if (claimed_by || (!founded && !founding.is_listening()) || by == consensus.recovered_from())
    return;
  claimed_by = by;
  founding.give_up();
  if (founded) consensus.keep_claim(by);
  env.log.write(LogLevel::error, "node", out_of_service()->text);
}

// For a node that heals its log. Any copy will do: the asker can tell whether it is the right one.
void Node::State::serve_log(const NodeId& from, const wire::LogAsk& ask) {
  const auto& core = consensus.core();
  const LogIndex end = ask.first + ask.count;
  const bool held = ask.count > 0 && end > ask.first && ask.first >= core.first_index() &&
                    end <= core.durable_index().next();
  if (!held) return consensus.post(from, wire::LogReply{ask.id, ask.first, {}});
  consensus.fetch(ask.first, end, kServedLogBytesMax,
                  [this, from, ask](std::vector<raft::Entry> entries) {
                    if (entries.size() != ask.count) entries.clear();
                    consensus.post(from, wire::LogReply{ask.id, ask.first, std::move(entries)});
                  });
}

}  // namespace lockstep::node
