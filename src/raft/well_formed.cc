#include "raft/well_formed.h"

#include "base/bugs.h"
#include "raft/membership.h"

namespace lockstep::raft {
namespace {

bool position_is_possible(const Position& position) {
  return (position.index.value == 0) == (position.term.value == 0);
}

bool is_well_formed_append(const Message& message, const Append& append) {
  if (!position_is_possible(append.prev) || append.prev.term > message.term) return false;
  if (append.entries.size() != append.count) return false;
  Position last = append.prev;
  for (const Entry& entry : append.entries) {
    if (entry.index != last.index.next() || entry.term > message.term) return false;
    if (entry.term < last.term && !LOCKSTEP_BUG(keep_conflicting_tail)) return false;
    if (entry.term.value == 0) return false;
    if (entry.kind == EntryKind::config && !decode_membership(entry.payload.view())) return false;
    last = {entry.index, entry.term};
  }
  return true;
}

}  // namespace

bool is_well_formed(const Message& message, const NodeId& self) {
  if (message.to != self || message.from == self || message.from.value.empty()) return false;
  if (const auto* append = std::get_if<Append>(&message.body))
    return message.term.value > 0 && is_well_formed_append(message, *append);
  if (const auto* ask = std::get_if<VoteAsk>(&message.body))
    return message.term.value > 0 && position_is_possible(ask->last) &&
           ask->last.term < message.term;
  if (const auto* offer = std::get_if<ImageOffer>(&message.body))
    return message.term.value > 0 && offer->at.index.value > 0 && position_is_possible(offer->at) &&
           offer->at.term <= message.term;
  if (const auto* reply = std::get_if<AppendReply>(&message.body))
    return position_is_possible(reply->hint);
  return true;
}

}  // namespace lockstep::raft
