// A sender that the test plays: what a receiver does with an image that cannot be right.
#include "node/image_fetcher.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "node/image_pieces.h"
#include "sim/disk.h"
#include "tests/manual_turns.h"

namespace lockstep::node {
namespace {

constexpr std::uint64_t kMainBytes = 3 * 4096;

// A job is done at once; what follows is a turn.
class InlineLanes final : public env::Lanes {
 public:
  explicit InlineLanes(env::Turns& turns) : turns_(turns) {}
  void run(env::LaneId, env::Task work, env::Task done) override {
    work();
    turns_.post(std::move(done));
  }
  [[nodiscard]] unsigned read_lanes() const override { return 1; }

 private:
  env::Turns& turns_;
};
class NoPeers final : public env::Peers {
  void send(const std::string&, std::string) override {}
};
class Lines final : public LogSink {
 public:
  void write(LogLevel, std::string_view, std::string_view line) override { all.emplace_back(line); }
  std::vector<std::string> all;
};

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
  int times_said(const std::string& what) {
    int found = 0;
    for (const std::string& line : log_.all) found += line.find(what) != std::string::npos ? 1 : 0;
    return found;
  }

  ManualClock clock_;
  ManualTurns turns_{clock_};
  InlineLanes lanes_{turns_};
  sim::SimDisk disk_{Rng(1)};
  NoPeers peers_;
  Lines log_;
  std::vector<wire::ImageAsk> asks_;
  int fetched_ = 0;
  std::optional<ImageFetcher> fetcher_{
      std::in_place, env::Env{clock_, turns_, lanes_, disk_, peers_, log_},
      ImageFetcher::Options{.run = 1, .piece_bytes = 4096},
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
  EXPECT_EQ(times_said("impossible label"), heads);
  // Others are asked meanwhile.
  EXPECT_EQ(heads_asked_in_a_second("c", odd, ""), 1);
}

TEST_F(ImageFetcherTest, piece_that_never_unpacks_ends_the_attempt) {
  EXPECT_EQ(heads_asked_in_a_second("b", head(), "spoiled"), 1);
  EXPECT_FALSE(fetcher_->busy());
  EXPECT_EQ(times_said("never what it should be"), 1);
}

TEST_F(ImageFetcherTest, files_that_are_no_database_are_refused) {
  EXPECT_EQ(heads_asked_in_a_second("b", head(), ""), 1);
  EXPECT_FALSE(fetcher_->busy());
  EXPECT_EQ(fetched_, 0);
  EXPECT_EQ(times_said("no database of ours"), 1);
}

}  // namespace
}  // namespace lockstep::node
