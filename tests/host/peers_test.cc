// Links between nodes: the byte format, and TcpPeers against PeerListener over real sockets.
#include <gtest/gtest.h>

#include <memory>

#include "base/codec.h"
#include "host/link.h"
#include "host/peer_listener.h"
#include "host/tcp_peers.h"
#include "world.h"

namespace lockstep::host {
namespace {

std::string preamble() {
  const auto bytes = link_preamble();
  return {bytes.data(), bytes.size()};
}
std::string framed(std::string_view frame) {
  const auto header = link_header(frame);
  return std::string(header.data(), header.size()) + std::string(frame);
}

// Feeds `stream` in pieces of `piece` bytes; the frames that came out.
Result<std::vector<std::string>> read_all(std::string_view stream, std::size_t piece,
                                          std::uint64_t limit = kFrameBytesMax) {
  LinkReader reader(limit);
  std::vector<std::string> frames;
  while (!stream.empty()) {
    TRY(reader.feed(stream.substr(0, piece), [&](std::string_view frame) {
      frames.emplace_back(frame);
      return true;
    }));
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  return frames;
}

TEST(Link, frames_survive_any_cutting) {
  const std::vector<std::string> frames{"", "a", std::string(70, 'x'), std::string(3000, 'y'), "z"};
  std::string stream = preamble();
  for (const auto& each : frames) stream += framed(each);
  for (const std::size_t piece : {1u, 2u, 7u, 11u, 12u, 13u, 100u, 4096u, 1u << 20})
    EXPECT_EQ(*read_all(stream, piece), frames) << piece;
}

TEST(Link, a_flipped_bit_ends_the_link) {
  const std::string good = preamble() + framed("hello") + framed("world");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const auto read = read_all(bad, 5);
    // A length that claims more than came is not an error yet, but gives no frame either.
    if (read) {
      EXPECT_LT(read->size(), 2u) << at;
    } else {
      EXPECT_EQ(read.error().code, Errc::corrupt) << at;
    }
  }
}

TEST(Link, a_claimed_length_costs_nothing) {
  Encoder encoder;
  encoder.u32(100u << 20);
  encoder.u32(0);
  const auto read = read_all(preamble() + encoder.take() + "few", 1u << 20);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->empty());
  EXPECT_EQ(read_all(preamble() + framed("12345"), 99, 4).error().text,
            "frame of 5 bytes exceeds the limit");
}

TEST(Link, strangers_are_told_apart) {
  EXPECT_EQ(read_all("GET /status HTTP/1.1\r\n", 3).error().code, Errc::invalid);
  EXPECT_EQ(read_all("SSH-2.0", 99).error().text, "not a Lockstep peer");
  std::string newer = preamble();
  newer[8] = 2;
  EXPECT_EQ(read_all(newer, 99).error().text, "peer speaks another version of the link format");
}

class PeersTest : public testing::Test {
 protected:
  void listen(std::uint16_t port = 0) {
    const auto socket = listen_on({.host = "127.0.0.1", .port = port});
    ASSERT_TRUE(socket);
    port_ = socket->port;
    listener_ = std::make_unique<PeerListener>(
        loop_, log_, *socket, ListenerOptions{},
        [this](std::string_view frame) { frames_.emplace_back(frame); });
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  Loop loop_;
  RecordingLog log_;
  std::uint16_t port_ = 0;
  std::vector<std::string> frames_;
  std::unique_ptr<PeerListener> listener_;
};

TEST_F(PeersTest, frames_arrive_whole_and_in_order) {
  listen();
  TcpPeers peers(loop_, log_, {});
  std::vector<std::string> sent;
  for (int i = 0; i < 500; ++i) {
    sent.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i * 7 % 5000), 'f'));
    peers.send(address(), sent.back());
  }
  sent.push_back(std::string(8u << 20, 'B'));
  peers.send(address(), sent.back());
  EXPECT_TRUE(run_until(loop_, [&] { return frames_.size() == sent.size(); }));
  EXPECT_TRUE(frames_ == sent);
  EXPECT_EQ(peers.dropped(), 0u);
  EXPECT_EQ(listener_->links(), 1u);
}

TEST_F(PeersTest, names_are_resolved) {
  listen();
  TcpPeers peers(loop_, log_, {});
  peers.send("localhost:" + std::to_string(port_), "by name");
  EXPECT_TRUE(run_until(loop_, [&] { return frames_.size() == 1; }));
}

TEST_F(PeersTest, a_peer_that_comes_back_is_heard_soon) {
  listen();
  TcpPeers peers(loop_, log_, {});
  peers.send(address(), "one");
  ASSERT_TRUE(run_until(loop_, [&] { return frames_.size() == 1; }));
  listener_.reset();
  // Sending goes on against a closed port, as heartbeats do.
  const auto beat = [&] { peers.send(address(), "beat"); };
  ASSERT_TRUE(run_until(loop_, [&] {
    beat();
    return log_.contains("lost " + address());
  }));
  run_for(loop_, milliseconds(30));
  frames_.clear();
  listen(port_);
  EXPECT_TRUE(run_until(loop_, [&] {
    beat();
    return !frames_.empty();
  }));
  EXPECT_TRUE(log_.contains("connected to " + address() + " again"));
  EXPECT_EQ(log_.count(LogLevel::warning), 1u);
}

TEST_F(PeersTest, a_full_queue_drops_the_newest) {
  PeersOptions options;
  options.queue_bytes_max = 1000;
  TcpPeers peers(loop_, log_, options);
  listen();
  for (int i = 0; i < 100; ++i) peers.send(address(), std::string(92, static_cast<char>(i)));
  EXPECT_EQ(peers.dropped(), 90u);
  EXPECT_TRUE(run_until(loop_, [&] { return frames_.size() == 10; }));
  // What went out makes room again.
  peers.send(address(), "later");
  EXPECT_TRUE(run_until(loop_, [&] { return frames_.size() == 11; }));
}

TEST_F(PeersTest, a_frame_larger_than_the_queue_still_fits_alone) {
  PeersOptions options;
  options.queue_bytes_max = 10;
  TcpPeers peers(loop_, log_, options);
  listen();
  peers.send(address(), std::string(5000, 'x'));
  EXPECT_TRUE(run_until(loop_, [&] { return frames_.size() == 1; }));
}

TEST_F(PeersTest, frames_that_waited_too_long_are_dropped) {
  listen();
  listener_.reset();
  PeersOptions options;
  options.stale_after = milliseconds(20);
  TcpPeers peers(loop_, log_, options);
  peers.send(address(), "stale");
  EXPECT_TRUE(run_until(loop_, [&] { return peers.dropped() == 1; }));
  listen(port_);
  ASSERT_TRUE(run_until(loop_, [&] {
    loop_.begin_turn();
    peers.send(address(), "fresh");
    return !frames_.empty();
  }));
  EXPECT_EQ(frames_[0], "fresh");
}

TEST_F(PeersTest, bad_addresses_cost_a_log_line_only) {
  TcpPeers peers(loop_, log_, {});
  peers.send("nonsense", "x");
  peers.send("no-such-host.invalid:1", "x");
  EXPECT_TRUE(run_until(loop_, [&] { return log_.count(LogLevel::warning) == 2; }));
  EXPECT_TRUE(log_.contains("cannot reach nonsense: address \"nonsense\": must be host:port"));
}

TEST_F(PeersTest, addresses_are_bounded) {
  listen();
  PeersOptions options;
  options.addresses_max = 2;
  TcpPeers peers(loop_, log_, options);
  peers.send(address(), "a");
  ASSERT_TRUE(run_until(loop_, [&] { return frames_.size() == 1; }));
  peers.send("localhost:" + std::to_string(port_), "b");
  peers.send("127.0.0.2:1", "c");  // the first one is idle by now and makes room
  EXPECT_TRUE(run_until(loop_, [&] { return frames_.size() == 2; }));
  EXPECT_TRUE(run_until(loop_, [&] { return listener_->links() == 1; }));
}

TEST_F(PeersTest, http_on_the_raft_port_is_cut_off) {
  listen();
  TcpClient client(port_);
  ASSERT_TRUE(client.send(loop_, "GET /status HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_TRUE(run_until(loop_, [&] { return client.closed(); }));
  EXPECT_EQ(client.received(), "");
  EXPECT_EQ(log_.count(LogLevel::warning), 0u);
  EXPECT_TRUE(log_.contains("HTTP request on the Raft port"));
}

TEST_F(PeersTest, a_wrong_checksum_closes_the_link_with_one_line) {
  listen();
  TcpClient client(port_);
  std::string bad = framed("hello");
  bad.back() = '!';
  ASSERT_TRUE(client.send(loop_, preamble() + framed("good") + bad + framed("never")));
  EXPECT_TRUE(run_until(loop_, [&] { return client.closed(); }));
  EXPECT_EQ(frames_, std::vector<std::string>{"good"});
  EXPECT_EQ(log_.count(LogLevel::warning), 1u);
  EXPECT_TRUE(log_.contains("frame with a wrong checksum"));
  EXPECT_TRUE(run_until(loop_, [&] { return listener_->links() == 0; }));
}

TEST_F(PeersTest, silent_connections_are_closed) {
  const Listening socket = listen_anywhere();
  ListenerOptions options;
  options.greeting_timeout = milliseconds(10);
  PeerListener listener(loop_, log_, socket, options, [](std::string_view) {});
  TcpClient client(socket.port);
  EXPECT_TRUE(run_until(loop_, [&] { return client.closed(); }));
}

TEST_F(PeersTest, stopping_inside_the_callback_ends_it) {
  const Listening socket = listen_anywhere();
  int frames = 0;
  std::unique_ptr<PeerListener> listener;
  listener =
      std::make_unique<PeerListener>(loop_, log_, socket, ListenerOptions{}, [&](std::string_view) {
        ++frames;
        listener->stop();
      });
  TcpClient client(socket.port);
  ASSERT_TRUE(client.send(loop_, preamble() + framed("a") + framed("b")));
  EXPECT_TRUE(run_until(loop_, [&] { return client.closed(); }));
  EXPECT_EQ(frames, 1);
}

}  // namespace
}  // namespace lockstep::host
