#include "format.h"

#include <type_traits>

namespace lockstep::raft::test {
namespace {

std::string format(const Position& position) {
  return to_string(position.index) + "/" + to_string(position.term);
}

std::string format(Refusal reason) {
  switch (reason) {
    case Refusal::not_leader:
      return "not_leader";
    case Refusal::transferring:
      return "transferring";
    case Refusal::change_in_progress:
      return "change_in_progress";
    case Refusal::invalid_change:
      return "invalid_change";
    case Refusal::too_long:
      return "too_long";
    case Refusal::leadership_lost:
      return "leadership_lost";
  }
  return "?";
}

std::string format(Role role) {
  switch (role) {
    case Role::follower:
      return "follower";
    case Role::pre_candidate:
      return "pre_candidate";
    case Role::candidate:
      return "candidate";
    case Role::leader:
      return "leader";
  }
  return "?";
}

std::string format(const Membership& membership) {
  std::string text;
  for (const Member& member : membership.members)
    text += " " + member.id.value + (member.voter ? "" : "(learner)");
  return text;
}

std::string format(const Entry& entry) {
  std::string text = format(Position{entry.index, entry.term});
  if (entry.kind == EntryKind::noop) return text + " noop";
  if (entry.kind == EntryKind::command) return text + " " + std::string(entry.payload.view());
  return text + " config" + format(decode_membership(entry.payload.view()).value());
}

std::string format(const VoteAsk& ask) {
  return std::string(ask.pre_vote ? "PreVoteAsk" : "VoteAsk") + (ask.transfer ? " transfer" : "") +
         " last " + format(ask.last);
}

std::string format(const VoteReply& reply) {
  return std::string(reply.pre_vote ? "PreVoteReply " : "VoteReply ") +
         (reply.granted ? "yes" : "no");
}

std::string format(const Append& append) {
  std::string text = "Append prev " + format(append.prev) + " commit " + to_string(append.commit);
  if (append.round > 0) text += " round " + std::to_string(append.round);
  if (append.count > 0) text += " [" + format_entries(append.entries) + "]";
  return text;
}

std::string format(const AppendReply& reply) {
  std::string text = reply.success ? "AppendReply match " + to_string(reply.match)
                                   : "AppendReply rejected " + to_string(reply.rejected) +
                                         " hint " + format(reply.hint);
  if (reply.round > 0) text += " round " + std::to_string(reply.round);
  return text;
}

std::string format(const TimeoutNow&) {
  return "TimeoutNow";
}

std::string format(const ImageOffer& offer) {
  std::string text = "ImageOffer at " + format(offer.at);
  if (offer.round > 0) text += " round " + std::to_string(offer.round);
  return text;
}

std::string format(const Write& write) {
  std::string text = "write " + to_string(write.ticket) + ":";
  if (write.hard) {
    text += " term " + to_string(write.hard->term);
    text += " vote " + (write.hard->vote ? write.hard->vote->value : "-");
  }
  if (write.truncate_after) text += " truncate after " + to_string(*write.truncate_after);
  if (!write.entries.empty()) text += " [" + format_entries(write.entries) + "]";
  return text;
}

}  // namespace

std::string format_entries(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) text += (text.empty() ? "" : ", ") + format(entry);
  return text;
}

std::string format(const Message& message) {
  return message.from.value + "->" + message.to.value + " term " + to_string(message.term) + " " +
         std::visit([](const auto& body) { return format(body); }, message.body);
}

std::string format(const Host& host, const Effects& effects) {
  std::string text;
  const std::string who = host.id.value + ": ";
  if (effects.status_changed) {
    const std::optional<NodeId> leader = host.core->leader();
    text += who + format(host.core->role()) + " of term " + to_string(host.core->term()) +
            ", leader " + (leader ? leader->value : "-") + "\n";
  }
  for (const Accepted& accepted : effects.accepted)
    text += who + "accepted " + std::to_string(accepted.id) + " at " + format(accepted.at) + "\n";
  for (const Refused& refused : effects.refused)
    text += who + "refused " + std::to_string(refused.id) + ": " + format(refused.reason) + "\n";
  for (const ReadGranted& read : effects.reads)
    text += who + "read " + std::to_string(read.id) + " at " + to_string(read.index) + "\n";
  if (effects.write) text += who + format(*effects.write) + "\n";
  if (effects.image_wanted)
    text += who + "wants an image at " + format(effects.image_wanted->at) + " of " +
            effects.image_wanted->from.value + "\n";
  if (effects.apply_more) text += who + "apply to " + to_string(host.core->apply_limit()) + "\n";
  for (const Message& message : effects.messages) text += format(message) + "\n";
  return text;
}

std::string format_status(const Host& host) {
  if (!host.core) return host.id.value + ": down";
  const Core& core = *host.core;
  return host.id.value + ": " + format(core.role()) + " of term " + to_string(core.term()) +
         ", commit " + to_string(core.commit()) + ", durable " + to_string(core.durable_index()) +
         ", log " + to_string(core.first_index()) + ".." + to_string(core.last_index()) +
         ", members" + format(core.membership());
}

}  // namespace lockstep::raft::test
