// Members whose logs end, or part from the leader's, below what it has compacted (section 5): they
// are offered an image of the state in place of appends, and say whether they want it. Fetching it
// is the host's business; a node that has one starts again with it as its log's base.
#include <algorithm>

#include "raft/state.h"

namespace lockstep::raft {

void Core::State::compact(LogIndex index) {
  CHECK(index <= apply_limit());
  if (index <= log_.base().index) return;
  log_.compact(index);
  while (memberships_.size() > 1 && memberships_[1].first <= index) memberships_.pop_front();
  if (!leading_) return;
  for (auto& [id, progress] : leading_->progress) progress.compacted(index);
}

void Core::State::offer_image(const NodeId& to, Effects& out) {
  send(out, to, ImageOffer{.at = log_.base(), .round = leading_->reads.round});
}

bool Core::State::may_reach_base(const Position& hint) const {
  // Terms never fall within a log: one that holds the base has no smaller one behind it.
  return hint.index >= log_.base().index && hint.term >= log_.base().term;
}

void Core::State::on_image_offer(const Message& message, const ImageOffer& offer, Effects& out) {
  if (message.term < hard_.term) {
    // As for an append: the reply's term makes a deposed leader step down.
    send(out, message.from, AppendReply{.success = false, .rejected = offer.at.index});
    return;
  }
  if (leading_) return;  // a second leader of one term: not this node's lie, and nothing to learn
  hear_leader(message.from, offer.round, out);
  if (!holds(offer.at)) {
    out.image_wanted = ImageWanted{.from = message.from, .at = offer.at};
    return reject(offer.at, out);
  }
  // One entry in common proves that all before it are (log matching, 3.5): what the leader's log
  // held up to there is what this one holds. Whether it is durable here is another question.
  matched_ = std::max({matched_, offer.at.index, log_.base().index});
  answer_leader(/*at_once=*/true, out);
}

}  // namespace lockstep::raft
