#include "node/image_sender.h"

#include <algorithm>
#include <utility>

#include "base/bugs.h"
#include "base/hash.h"
#include "node/image_pieces.h"

namespace lockstep::node {
namespace {

constexpr unsigned kJobsMax = 32;  // what exceeds it is dropped, and asked for again
constexpr std::size_t kWaitingMax = 64;
constexpr Duration kIdleMax = seconds(5);
constexpr Duration kWatchInterval = seconds(1);

struct Piece {
  bool same = false;
  std::uint64_t hash = 0;
  std::string data;
};

// Image lane.
Result<Piece> read_piece(sql::Database& database, const wire::ImageAsk& ask) {
  TRY_ASSIGN(const std::string plain,
             database.read_image(static_cast<sql::ImagePart>(ask.part), ask.offset, ask.bytes));
  Piece piece;
  piece.hash = hash64(plain);
  piece.same = piece.hash == ask.have;
  if (!piece.same) piece.data = compress(plain);
  return piece;
}

}  // namespace

ImageSender::ImageSender(env::Env env, std::uint32_t run, std::uint64_t held_log_bytes_min,
                         Consensus& consensus, Snapshotter& snapshotter, sql::Database& database,
                         std::function<void(Error)> failed)
    : env_(env),
      consensus_(consensus),
      snapshotter_(snapshotter),
      database_(database),
      failed_(std::move(failed)),
      session_(std::uint64_t{run} << 32),
      holds_(env, held_log_bytes_min, consensus),
      watcher_(env, kWatchInterval, [this] { watch(); }) {}

void ImageSender::on_ask(const NodeId& from, const wire::ImageAsk& ask) {
  if (halted_) return;
  if (ask.session == 0) return begin(from, ask);
  if (state_ != State::pinned || ask.session != session_)
    return refuse(from, ask, "that image is gone");
  asked_at_ = env_.clock.now();
  holds_.heard_of(from);
  send_piece(from, ask);
}

void ImageSender::begin(const NodeId& from, const wire::ImageAsk& ask) {
  if (state_ == State::pinned) {
    // Such an ask must not keep it: who needs a newer one gets it when nobody takes this any more.
    if (head_.at.index < ask.least) return refuse(from, ask, "the image at hand is older");
    asked_at_ = env_.clock.now();
    return send_head({from, ask});
  }
  if (state_ == State::none && snapshotter_.wal_is_full())
    return refuse(from, ask, "the write-ahead file is too long to hold an image");
  // Asked again before the pin stands: one answer is enough.
  std::erase_if(waiting_, [&](const Waiting& each) { return each.from == from; });
  if (waiting_.size() < kWaitingMax) waiting_.push_back({from, ask});
  if (state_ == State::none) pin();
}

void ImageSender::pin() {
  state_ = State::pinning;
  ++jobs_;
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0}, [this] { return database_.pin_image(); },
      life_.guard([this](Result<sql::ImageLabel> label) { pinned(std::move(label)); }));
}

void ImageSender::pinned(Result<sql::ImageLabel> label) {
  if (!label && label.error().code != Errc::no_space) return failed_(std::move(label).error());
  auto waiting = std::exchange(waiting_, {});
  if (!label) {
    state_ = State::none;
    for (const auto& each : waiting) refuse(each.from, each.ask, label.error().text);
    return job_done();
  }
  state_ = State::pinned;
  asked_at_ = env_.clock.now();
  ++session_;
  const LogIndex at = label->state.index;
  head_ = head_of(*label, consensus_.core().membership_at(at));
  for (const auto& each : waiting) {
    if (at < each.ask.least) {
      refuse(each.from, each.ask, "this node's durable state is older");
    } else {
      send_head(each);
    }
  }
  hold_log();
  watcher_.start();
  job_done();
}

void ImageSender::send_head(const Waiting& to) {
  holds_.hold(to.from, head_.at.index, head_.main_bytes + head_.wal_bytes);
  consensus_.post(to.from, wire::ImageReply{.id = to.ask.id,
                                            .session = session_,
                                            .kind = wire::ImageReply::Kind::head,
                                            .head = head_});
}

void ImageSender::send_piece(const NodeId& from, const wire::ImageAsk& ask) {
  const bool legal = ask.bytes > 0 && ask.bytes <= kImagePieceBytes;
  if (!legal || jobs_ >= kJobsMax) return;
  ++jobs_;
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0}, [this, ask] { return read_piece(database_, ask); },
      life_.guard([this, from, ask](Result<Piece> piece) {
        if (!piece && piece.error().code != Errc::invalid) return failed_(std::move(piece).error());
        if (piece && state_ == State::pinned && ask.session == session_) {
          wire::ImageReply reply{.id = ask.id, .session = ask.session};
          reply.kind = piece->same ? wire::ImageReply::Kind::same : wire::ImageReply::Kind::piece;
          reply.hash = piece->hash;
          reply.data = std::move(piece->data);
          consensus_.post(from, std::move(reply));
        }
        job_done();
      }));
}

void ImageSender::refuse(const NodeId& from, const wire::ImageAsk& ask, std::string why) {
  consensus_.post(from, wire::ImageReply{.id = ask.id,
                                         .session = ask.session,
                                         .kind = wire::ImageReply::Kind::none,
                                         .text = std::move(why)});
}

void ImageSender::watch() {
  if (state_ == State::pinned && env_.clock.now() - asked_at_ >= kIdleMax) release();
  holds_.look();
  hold_log();
  if (state_ != State::pinned && !holds_.any()) watcher_.stop();
}

// Whoever takes an image goes on from there.
void ImageSender::hold_log() {
  auto above = holds_.lowest();
  if (state_ == State::pinned) above = std::min(above.value_or(head_.at.index), head_.at.index);
  snapshotter_.hold_log(above);
}

void ImageSender::release() {
  if (state_ != State::pinned) return;
  state_ = State::unpinning;
  if (LOCKSTEP_BUG(log_let_go_with_image)) holds_.let_go_of_all();
  hold_log();
  ++jobs_;
  env_.lanes.run(
      {env::LaneKind::image, 0}, [this] { database_.unpin_image(); }, life_.guard([this] {
        state_ = State::none;
        // First the checkpoint that it kept from running, then the next image: pinned before, that
        // one would be in the way in its turn, and be let go, and so for ever.
        snapshotter_.try_now();
        if (!waiting_.empty() && !halted_) pin();
        job_done();
      }));
}

void ImageSender::halt(std::move_only_function<void()> done) {
  halted_ = true;
  if (jobs_ == 0) return done();
  on_halted_ = std::move(done);
}

void ImageSender::job_done() {
  --jobs_;
  if (jobs_ == 0 && halted_ && on_halted_) std::exchange(on_halted_, nullptr)();
}

}  // namespace lockstep::node
