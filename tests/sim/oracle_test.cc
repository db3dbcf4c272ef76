// Negative controls: each oracle is shown the lie it is there to catch.
#include <gtest/gtest.h>

#include "sim/answer.h"
#include "sim/wire_oracle.h"
#include "storage/log_format.h"

namespace lockstep::sim {
namespace {

using Body = decltype(raft::Message::body);

struct Wire {
  Violations violations;
  WireOracle oracle{violations, 3};

  Promise send(const char* self, const char* to, std::uint64_t term, Body body) {
    raft::Message message{.from = {self}, .to = {to}, .term = {term}, .body = std::move(body)};
    return oracle.sent(
        TimePoint{}, 0,
        wire::encode_frame({.from = {self}, .to = {to}, .body = std::move(message)}));
  }
  std::string rule() const { return violations.any() ? violations.first()->rule : ""; }
};

TEST(WireOracle, one_vote_per_term_is_a_promise_and_two_are_a_violation) {
  Wire wire;
  EXPECT_EQ(wire.send("n1", "n2", 5, raft::VoteReply{.granted = true}), Promise::vote);
  EXPECT_EQ(wire.send("n1", "n2", 5, raft::VoteReply{.granted = true}), Promise::vote);
  EXPECT_EQ(wire.send("n1", "n3", 5, raft::VoteReply{.pre_vote = true, .granted = true}),
            Promise::none);
  EXPECT_EQ(wire.send("n1", "n3", 6, raft::VoteReply{.granted = true}), Promise::vote);
  EXPECT_EQ(wire.rule(), "");
  wire.send("n1", "n2", 6, raft::VoteReply{.granted = true});
  EXPECT_EQ(wire.rule(), "two votes in one term");
}

TEST(WireOracle, a_candidate_has_voted_for_itself) {
  Wire wire;
  wire.send("n1", "n2", 5, raft::VoteAsk{});
  wire.send("n1", "n3", 5, raft::VoteReply{.granted = true});
  EXPECT_EQ(wire.rule(), "two votes in one term");
}

raft::Core restarted(Term term, std::optional<NodeId> vote, std::vector<Term> terms) {
  raft::Recovered recovered;
  recovered.hard = {.term = term, .vote = std::move(vote)};
  recovered.sizes.assign(terms.size(), 1);
  recovered.terms = std::move(terms);
  return raft::Core({.self = {"n1"}}, 1, std::move(recovered), TimePoint{} + seconds(1));
}

TEST(WireOracle, a_restart_must_remember_term_vote_and_acknowledged_entries) {
  struct Case {
    Term term;
    std::optional<NodeId> vote;
    std::size_t entries;
    const char* rule;
  };
  for (const Case& each :
       {Case{{5}, NodeId{"n2"}, 3, ""}, Case{{6}, std::nullopt, 0, ""},
        Case{{4}, std::nullopt, 3, "promised term forgotten"},
        Case{{5}, std::nullopt, 3, "vote forgotten"}, Case{{5}, NodeId{"n3"}, 3, "vote forgotten"},
        Case{{5}, NodeId{"n2"}, 2, "acknowledged entries lost"}}) {
    Wire wire;
    wire.send("n1", "n2", 5, raft::VoteReply{.granted = true});
    EXPECT_EQ(wire.send("n1", "n2", 5, raft::AppendReply{.success = true, .match = LogIndex{3}}),
              Promise::append_ack);
    const raft::Core core = restarted(each.term, each.vote, std::vector<Term>(each.entries, {1}));
    wire.oracle.recovered(TimePoint{}, 0, core);
    EXPECT_EQ(wire.rule(), each.rule);
  }
}

TEST(WireOracle, an_entry_has_one_content_whether_sent_or_stored) {
  const auto entry = [](const char* payload) {
    return raft::Entry{
        .term = {2}, .index = {7}, .kind = raft::EntryKind::command, .payload = Blob(payload)};
  };
  const auto append = [&entry](const char* payload) {
    return raft::Append{.prev = {{6}, {1}}, .count = 1, .entries = {entry(payload)}};
  };
  Wire wire;
  wire.oracle.stored(TimePoint{}, storage::encode_batch({}, 1, {entry("a")}));
  wire.send("n1", "n2", 2, append("a"));
  EXPECT_EQ(wire.rule(), "");
  ASSERT_NE(wire.oracle.entry({7}, {2}), nullptr);
  EXPECT_EQ(wire.oracle.entry({7}, {3}), nullptr);
  wire.send("n1", "n2", 2, append("b"));
  EXPECT_EQ(wire.rule(), "two entries at one place");
}

Answer answer_of(unsigned status, std::string body) {
  return read_answer({.fate = Fate::answered,
                      .response = {.status = status, .headers = {}, .body = std::move(body)}});
}

TEST(Answer, tells_certain_failure_from_unknown) {
  using check::Outcome;
  EXPECT_EQ(read_answer({.fate = Fate::refused, .response = {}}).outcome, Outcome::fail);
  EXPECT_EQ(read_answer({.fate = Fate::timed_out, .response = {}}).outcome, Outcome::info);
  EXPECT_EQ(answer_of(400, "no statements").outcome, Outcome::fail);
  EXPECT_EQ(answer_of(408, "queue wait timeout").outcome, Outcome::info);
  EXPECT_EQ(answer_of(503, "leader not found\n").outcome, Outcome::fail);
  EXPECT_EQ(answer_of(503, "request abandoned; it may or may not take effect").outcome,
            Outcome::info);
  EXPECT_EQ(answer_of(500, "").outcome, Outcome::info);
  EXPECT_EQ(
      answer_of(200, R"({"results":[],"error":"leadership lost while committing log"})").outcome,
      Outcome::info);
  EXPECT_EQ(answer_of(200, "{").outcome, Outcome::info);
}

TEST(Answer, reads_rows_counters_errors_and_the_index) {
  const Answer answer = answer_of(
      200, R"({"results":[{"last_insert_id":3,"rows_affected":1},{"error":"no such table: x"},)"
           R"({"columns":["k","v"],"types":["integer","integer"],"values":[[1,null],[2,-7]]},{}],)"
           R"("raft_index":12})");
  EXPECT_EQ(answer.outcome, check::Outcome::ok);
  ASSERT_EQ(answer.results.size(), 4U);
  EXPECT_EQ(answer.results[0].rows_affected, 1);
  EXPECT_EQ(answer.results[1].error, "no such table: x");
  ASSERT_EQ(answer.results[2].rows.size(), 2U);
  EXPECT_EQ(answer.results[2].rows[0][1], std::nullopt);
  EXPECT_EQ(to_integer(answer.results[2].rows[1][1]), -7);
  EXPECT_EQ(answer.raft_index, 12U);
  EXPECT_EQ(to_integer(std::string("7x")), std::nullopt);
}

}  // namespace
}  // namespace lockstep::sim
