#include "sim/raft_oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lockstep::sim {

RaftOracle::RaftOracle(Violations& violations, std::vector<std::string> names)
    : violations_(violations), names_(std::move(names)), seen_(names_.size()) {}

void RaftOracle::report(TimePoint now, std::string rule, std::size_t number, std::string text) {
  violations_.report(now, std::move(rule), names_[number] + ": " + text);
}

void RaftOracle::recovered(TimePoint now, std::size_t number, const node::Node& node) {
  Seen& seen = seen_[number];
  const raft::Core& core = node.core();
  seen.role = raft::Role::follower;
  seen.term = core.term();
  seen.membership_index = core.membership_index();
  seen.membership = core.membership();
  seen.durable = core.durable_index();
  seen.applied = node.applied();
  // Everything that is known to be committed is compared anew: the log was read from the disk.
  const std::uint64_t first = core.first_index().value;
  seen.commit = LogIndex{first == 0 ? 0 : first - 1};
  on_commit(now, number, core);
}

void RaftOracle::after_step(TimePoint now, std::size_t number, const node::Node& node) {
  Seen& seen = seen_[number];
  const raft::Core& core = node.core();
  if (core.term() < seen.term) report(now, "term went back", number, to_string(core.term()));
  if (node.applied() < seen.applied) {
    report(now, "applied went back", number,
           fmt::format("{} to {}", seen.applied.value, node.applied().value));
  }
  if (node.applied() > core.commit()) {
    report(now, "applied before commit", number, to_string(node.applied()));
  }
  seen.durable = core.durable_index();
  seen.applied = node.applied();
  const bool led_before = seen.role == raft::Role::leader && seen.term == core.term();
  if (core.role() == raft::Role::leader && !led_before) on_leader(now, number, core);
  const LogIndex commit_before = seen.commit;
  if (core.commit() != seen.commit) on_commit(now, number, core);
  if (led_before && core.role() == raft::Role::leader && core.commit() > commit_before) {
    on_leader_commit(now, number, core);
  }
  seen.role = core.role();
  seen.term = core.term();
  if (core.membership_index() != seen.membership_index) {
    on_membership(now, number, core);
    seen.membership_index = core.membership_index();
    seen.membership = core.membership();
  }
}

// [Election Safety] and [Leader Completeness].
void RaftOracle::on_leader(TimePoint now, std::size_t number, const raft::Core& core) {
  const auto [found, fresh] = leaders_.emplace(core.term(), number);
  if (!fresh && found->second != number) {
    report(now, "two leaders in one term", number,
           fmt::format("and {} lead term {}", names_[found->second], core.term().value));
  }
  for (std::uint64_t i = std::max<std::uint64_t>(core.first_index().value, 1);
       i <= committed_.size(); ++i) {
    const Committed& known = committed_[i - 1];
    // Only what was committed in an earlier term: this leader may have been elected long ago, by
    // votes that came late.
    if (known.term == Term{} || known.seen_term >= core.term()) continue;
    if (core.term_at(LogIndex{i}) == known.term) continue;
    report(now, "leader without a committed entry", number,
           fmt::format("leads term {} without index {} of term {}", core.term().value, i,
                       known.term.value));
    return;
  }
}

// [Log Matching] and [State Machine Safety], for committed entries.
void RaftOracle::on_commit(TimePoint now, std::size_t number, const raft::Core& core) {
  Seen& seen = seen_[number];
  if (core.commit() < seen.commit) {
    report(now, "commit went back", number,
           fmt::format("{} to {}", seen.commit.value, core.commit().value));
    return;
  }
  if (committed_.size() < core.commit().value) committed_.resize(core.commit().value);
  for (std::uint64_t i = seen.commit.value + 1; i <= core.commit().value; ++i) {
    const auto term = core.term_at(LogIndex{i});
    if (!term) continue;  // Legal: compacted already.
    Committed& known = committed_[i - 1];
    if (known.term == Term{}) known = {.term = *term, .seen_term = core.term()};
    if (known.term == *term) continue;
    report(now, "committed entry changed", number,
           fmt::format("index {} has term {}, elsewhere {}", i, term->value, known.term.value));
    return;
  }
  seen.commit = core.commit();
}

// A leader commits by counting durable replicas of its own term only (3.6.2, and 4.1 for who is
// counted).
void RaftOracle::on_leader_commit(TimePoint now, std::size_t number, const raft::Core& core) {
  if (core.term_at(core.commit()) != core.term()) {
    report(now, "older term committed by counting", number,
           fmt::format("leads term {} and committed up to index {}", core.term().value,
                       core.commit().value));
    return;
  }
  // The step may have counted before it changed the membership.
  const raft::Membership& before = seen_[number].membership;
  const raft::Membership& after = core.membership();
  if (holders(after, core.commit()) >= after.quorum()) return;
  if (holders(before, core.commit()) >= before.quorum()) return;
  report(now, "committed without a majority", number,
         fmt::format("index {} is durable on {} of {} voters", core.commit().value,
                     holders(after, core.commit()), after.voter_count()));
}

// A leader changes the membership only once it has committed an entry of its own term (Ongaro,
// raft-dev 2015): a change that an earlier leader left behind could come to life beside it.
void RaftOracle::on_membership(TimePoint now, std::size_t number, const raft::Core& core) {
  const bool own = core.role() == raft::Role::leader &&
                   core.membership_index() > seen_[number].membership_index &&
                   core.term_at(core.membership_index()) == core.term();
  if (!own || recovery_allowed_ || core.term_at(core.commit()) == core.term()) return;
  report(now, "membership changed too early", number,
         fmt::format("at index {} in term {}, committed up to {}", core.membership_index().value,
                     core.term().value, core.commit().value));
}

std::size_t RaftOracle::holders(const raft::Membership& membership, LogIndex index) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const bool counts = membership.is_voter(NodeId{names_[i]});
    count += counts && std::max(seen_[i].durable, seen_[i].lost) >= index ? 1 : 0;
  }
  return count;
}

}  // namespace lockstep::sim
