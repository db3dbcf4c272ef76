// The one Write of a call, and what becomes legal when its ticket comes back. Calls that share an
// Effects share its Write: the host has not carried it out yet.
#include <algorithm>

#include "raft/state.h"

namespace lockstep::raft {

Write& Core::State::write(Effects& out) {
  if (!out.write) {
    issued_ = Ticket{issued_.value + 1};
    out.write.emplace();
    out.write->ticket = issued_;
    // All earlier writes are durable before this one, so it vouches for the whole log.
    in_flight_.push_back({issued_, log_.last_index()});
  }
  CHECK(out.write->ticket == issued_);
  return *out.write;
}

void Core::State::set_hard(HardState hard, Effects& out) {
  if (hard == hard_) return;
  CHECK(hard.term >= hard_.term);
  hard_ = std::move(hard);
  write(out).hard = hard_;
  hard_ticket_ = issued_;
}

void Core::State::append_entry(Entry entry, Effects& out) {
  CHECK(entry.index == log_.last_index().next());
  CHECK(entry.term >= log_.last().term || LOCKSTEP_BUG(keep_conflicting_tail));
  CHECK(entry.term <= hard_.term);
  Write& target = write(out);
  log_.append(entry.term, static_cast<std::uint32_t>(entry.payload.size()));
  in_flight_.back().durable_to = log_.last_index();
  if (entry.kind == EntryKind::config) {
    Result<Membership> membership = decode_membership(entry.payload.view());
    CHECK(membership.has_value());  // received ones were tried before
    if (forced_ && forced_->second == *membership) forced_.reset();
    memberships_.emplace_back(entry.index, std::move(*membership));
    membership_moved();
  }
  target.entries.push_back(std::move(entry));
}

void Core::State::truncate_after(LogIndex index, Effects& out) {
  CHECK(index >= commit_);
  Write& target = write(out);
  // Entries of a shared Write that are dropped again never reach the disk.
  while (!target.entries.empty() && target.entries.back().index > index) target.entries.pop_back();
  if (target.entries.empty())
    target.truncate_after = std::min(index, target.truncate_after.value_or(index));
  log_.truncate_after(index);
  // What was durable or on its way above `index` is another entry from now on.
  durable_ = std::min(durable_, index);
  for (InFlight& flight : in_flight_) flight.durable_to = std::min(flight.durable_to, index);
  while (memberships_.size() > 1 && memberships_.back().first > index) memberships_.pop_back();
  membership_moved();
}

void Core::State::on_persisted(Ticket ticket, Effects& out) {
  CHECK(ticket <= issued_);
  if (ticket <= persisted_) return;
  persisted_ = ticket;
  while (!in_flight_.empty() && in_flight_.front().ticket <= ticket) {
    durable_ = std::max(durable_, in_flight_.front().durable_to);
    in_flight_.pop_front();
  }
  if (hard_durable()) own_vote_durable(out);
  if (leading_) advance_commit(out);
  pay_ack(out);
}

}  // namespace lockstep::raft
