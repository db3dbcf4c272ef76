// ImageSender: serves images of this node's database to nodes that need it whole. One image at a
// time is pinned, for all who ask; it is let go when nobody has asked for a while, or when the
// write-ahead file that it holds back grows too long. Receivers then begin again, and keep what
// they have. The log above it is kept for longer (node/log_holds.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "env/env.h"
#include "node/consensus.h"
#include "node/lifeline.h"
#include "node/log_holds.h"
#include "node/snapshotter.h"
#include "node/ticker.h"
#include "sql/database.h"

namespace lockstep::node {

class ImageSender {
 public:
  // `run` differs per start of this node: sessions of an earlier one are not taken for this one's.
  ImageSender(env::Env env, std::uint32_t run, std::uint64_t held_log_bytes_min,
              Consensus& consensus, Snapshotter& snapshotter, sql::Database& database,
              std::function<void(Error)> failed);

  void on_ask(const NodeId& from, const wire::ImageAsk& ask);
  // Lets go of the image, whoever needs it.
  void release();
  // No job begins any more; `done` as soon as none is under way, maybe at once.
  void halt(std::move_only_function<void()> done);

 private:
  enum class State : std::uint8_t { none, pinning, pinned, unpinning };
  struct Waiting {
    NodeId from;
    wire::ImageAsk ask;
  };
  void begin(const NodeId& from, const wire::ImageAsk& ask);
  void pin();
  void pinned(Result<sql::ImageLabel> label);
  void send_head(const Waiting& to);
  void hold_log();
  void send_piece(const NodeId& from, const wire::ImageAsk& ask);
  void refuse(const NodeId& from, const wire::ImageAsk& ask, std::string why);
  void watch();
  void job_done();

  env::Env env_;
  Consensus& consensus_;
  Snapshotter& snapshotter_;
  sql::Database& database_;
  std::function<void(Error)> failed_;
  State state_ = State::none;
  std::uint64_t session_;
  wire::ImageHead head_;
  std::vector<Waiting> waiting_;  // for the pin
  TimePoint asked_at_;
  unsigned jobs_ = 0;
  bool halted_ = false;
  std::move_only_function<void()> on_halted_;
  LogHolds holds_;
  Ticker watcher_;  // while an image is pinned or a log held
  Lifeline life_;
};

}  // namespace lockstep::node
