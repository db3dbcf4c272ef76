// A sender that the test plays: what a receiver does with an image that cannot be right.
#include "node/image_fetcher.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "node/image_pieces.h"
#include "tests/manual_env.h"

namespace lockstep::node {
namespace {

constexpr std::uint64_t kMainBytes = 3 * 4096;

class ImageFetcherTest : public testing::Test {
 protected:
  wire::ImageHead head() {
    return {.at = {LogIndex{7}, Term{1}},
            .page_bytes = 4096,
            .main_bytes = kMainBytes,
            .membership = raft::encode({{raft::Member{NodeId{"a"}, "a:1", true}}})};
  }
  // Fetches from `from` as often as it is offered for a second, answering as told; how many asks
  // for a head came.
  int heads_asked_in_a_second(const std::string& from, const wire::ImageHead& head,
                              const std::string& data) {
    int heads = 0;
    for (const TimePoint end = clock_.now() + seconds(1); clock_.now() < end;) {
      fetcher_->fetch(NodeId{from}, LogIndex{1});
      for (const auto& ask : std::exchange(asks_, {})) {
        wire::ImageReply reply{.id = ask.id, .session = 1};
        if (ask.session == 0) {
          ++heads;
          reply.kind = wire::ImageReply::Kind::head;
          reply.head = head;
        } else {
          reply.kind = wire::ImageReply::Kind::piece;
          reply.hash = hash64(std::string(ask.bytes, 'x'));
          reply.data = data.empty() ? compress(std::string(ask.bytes, 'x')) : data;
        }
        fetcher_->on_reply(NodeId{from}, reply);
      }
      clock_.advance(milliseconds(1));
      while (turns_.waiting() > 0 && asks_.empty() && clock_.now() < end) turns_.run_next();
    }
    return heads;
  }
  ManualEnv world_;
  ManualClock& clock_ = world_.clock;
  ManualTurns& turns_ = world_.turns;
  std::vector<wire::ImageAsk> asks_;
  int fetched_ = 0;
  std::optional<ImageFetcher> fetcher_{
      std::in_place, world_.env, ImageFetcher::Options{.run = 1, .piece_bytes = 4096},
      [this](const NodeId&, wire::FrameBody body) {
        asks_.push_back(std::get<wire::ImageAsk>(body));
      },
      [this](const auto& fetched) { fetched_ += fetched ? 1 : 0; }};
};

TEST_F(ImageFetcherTest, impossible_label_is_refused_once_and_its_sender_left_alone) {
  wire::ImageHead odd = head();
  odd.main_bytes -= 100;
  int heads = 0;
  for (int i = 0; i < 30; ++i) heads += heads_asked_in_a_second("b", odd, "");
  EXPECT_GE(heads, 4);
  EXPECT_LE(heads, 5);  // after 1, 2, 4, 8 seconds
  EXPECT_EQ(world_.log.count("impossible label"), heads);
  // Others are asked meanwhile.
  EXPECT_EQ(heads_asked_in_a_second("c", odd, ""), 1);
}

TEST_F(ImageFetcherTest, piece_that_never_unpacks_ends_the_attempt) {
  EXPECT_EQ(heads_asked_in_a_second("b", head(), "spoiled"), 1);
  EXPECT_FALSE(fetcher_->busy());
  EXPECT_EQ(world_.log.count("never what it should be"), 1);
}

TEST_F(ImageFetcherTest, files_that_are_no_database_are_refused) {
  EXPECT_EQ(heads_asked_in_a_second("b", head(), ""), 1);
  EXPECT_FALSE(fetcher_->busy());
  EXPECT_EQ(fetched_, 0);
  EXPECT_EQ(world_.log.count("no database of ours"), 1);
}

}  // namespace
}  // namespace lockstep::node
