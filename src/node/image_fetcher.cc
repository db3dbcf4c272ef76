#include "node/image_fetcher.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "node/image_pieces.h"
#include "node/staging.h"

namespace lockstep::node {
namespace {

constexpr std::size_t kWindow = 8;  // pieces under way
constexpr Duration kWatchInterval = milliseconds(250);
constexpr Duration kAskAgainAfter = seconds(1);
// So many looks, ten seconds' worth: whoever was stopped for longer finds the answers waiting.
constexpr unsigned kSilentLooksMax = 40;
constexpr unsigned kTriesMax = 5;  // of one piece
constexpr std::size_t kPausesMax = 64;
constexpr Duration kPause = milliseconds(200);
// Of a sender whose image was refused: doubled with each one.
constexpr Duration kRefusedPauseMin = seconds(1);
constexpr unsigned kDoublingsMax = 6;

}  // namespace

struct ImageFetcher::Piece {
  sql::ImagePart part = sql::ImagePart::main;
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint64_t have = 0;  // hash of what this node holds there; 0: nothing
  bool asked = false;      // and not yet answered
  unsigned tries = 0;      // answers that were of no use
  TimePoint asked_at{};
};

// Pieces live in node state; the staging files belong to the image lane.
struct ImageFetcher::Attempt {
  NodeId from;
  LogIndex least;
  std::uint64_t head_id = 0;
  std::uint64_t session = 0;
  std::optional<Fetched> image;
  std::shared_ptr<Staging> staging;
  sql::ImagePart part = sql::ImagePart::main;
  std::uint64_t offset = 0;  // of the next piece to start
  std::map<std::uint64_t, Piece> pieces;
  unsigned silent_looks = 0;  // since something was heard
  TimePoint head_asked_at;
};

ImageFetcher::ImageFetcher(env::Env env, Options options, PostFn post, DoneFn done)
    : env_(env),
      options_(options),
      post_(std::move(post)),
      done_(std::move(done)),
      last_id_(std::uint64_t{options.run} << 32),
      watcher_(env, kWatchInterval, [this] { watch(); }),
      overdue_(env, "image") {
  CHECK(options_.piece_bytes > 0);
  CHECK(options_.piece_bytes <= kImagePieceBytes);
}

ImageFetcher::~ImageFetcher() = default;

template <class Task>
auto ImageFetcher::guard(Task task) {
  return life_.guard([this, attempt = std::weak_ptr(attempt_),
                      task = std::move(task)](auto&&... arguments) mutable {
    if (attempt_ && attempt.lock() == attempt_)
      task(std::forward<decltype(arguments)>(arguments)...);
  });
}

void ImageFetcher::fetch(const NodeId& from, LogIndex least) {
  if (attempt_) return;
  const auto pause = pauses_.find(from);
  if (pause != pauses_.end() && env_.clock.now() < pause->second.until) return;
  attempt_ = std::make_shared<Attempt>();
  attempt_->from = from;
  attempt_->least = least;
  ask_for_head();
  watcher_.start();
}

void ImageFetcher::ask_for_head() {
  attempt_->head_id = ++last_id_;
  attempt_->head_asked_at = env_.clock.now();
  post_(attempt_->from, wire::ImageAsk{.id = attempt_->head_id, .least = attempt_->least});
}

void ImageFetcher::on_reply(const NodeId& from, wire::ImageReply reply) {
  if (!attempt_ || from != attempt_->from) return;
  const bool of_head = !attempt_->image && reply.id == attempt_->head_id;
  const auto piece = attempt_->pieces.find(reply.id);
  const bool of_piece = attempt_->image && piece != attempt_->pieces.end() && piece->second.asked;
  if (!of_head && !of_piece) return;  // Legal: doubled, or of an earlier attempt.
  attempt_->silent_looks = 0;
  if (reply.kind == wire::ImageReply::Kind::none)
    return give_up({Errc::not_found, "node " + from.value + ": " + reply.text});
  if (of_head) return on_head(reply);
  on_piece(reply.id, std::move(reply));
}

void ImageFetcher::on_head(const wire::ImageReply& reply) {
  if (reply.kind != wire::ImageReply::Kind::head) return;
  auto label = label_of(reply.head);
  if (!label) return give_up(std::move(label).error());
  if (auto possible = sql::check_label(*label); !possible)
    return give_up(std::move(possible).error());
  auto membership = raft::decode_membership(reply.head.membership);
  if (!membership) return give_up(std::move(membership).error());
  if (label->state.index < attempt_->least) return give_up({Errc::stale, "the image is too old"});
  env_.log.write(LogLevel::info, "image",
                 "fetching an image of index " + to_string(label->state.index) + " from node " +
                     attempt_->from.value);
  attempt_->session = reply.session;
  attempt_->image = Fetched{*label, std::move(*membership)};
  attempt_->staging = std::make_shared<Staging>(env_.disk);
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0},
      [staging = attempt_->staging, label = *label] { return staging->prepare(label); },
      guard([this](Status status) {
        if (!status) return give_up(std::move(status).error());
        attempt_->silent_looks = 0;
        pump();
      }));
}

void ImageFetcher::pump() {
  Attempt& a = *attempt_;
  const auto& label = a.image->label;
  while (a.pieces.size() < kWindow) {
    const std::uint64_t size = a.part == sql::ImagePart::main ? label.main_bytes : label.wal_bytes;
    if (a.offset >= size) {
      if (a.part == sql::ImagePart::wal) break;
      a.part = sql::ImagePart::wal;
      a.offset = 0;
      continue;
    }
    Piece piece;
    piece.part = a.part;
    piece.offset = a.offset;
    piece.bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(options_.piece_bytes, size - a.offset));
    a.offset += piece.bytes;
    start(piece);
  }
  if (a.pieces.empty()) complete();
}

// First what this node holds there already.
void ImageFetcher::start(Piece piece) {
  const std::uint64_t id = ++last_id_;
  attempt_->pieces.emplace(id, piece);
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0},
      [staging = attempt_->staging, piece] {
        return staging->hash_of(piece.part, piece.offset, piece.bytes);
      },
      guard([this, id](Result<std::uint64_t> have) {
        if (!have) return give_up(std::move(have).error());
        attempt_->pieces.at(id).have = *have;
        ask(id);
      }));
}

void ImageFetcher::ask(std::uint64_t id) {
  Piece& piece = attempt_->pieces.at(id);
  piece.asked = true;
  piece.asked_at = env_.clock.now();
  post_(attempt_->from, wire::ImageAsk{.id = id,
                                       .session = attempt_->session,
                                       .least = attempt_->least,
                                       .part = static_cast<std::uint8_t>(piece.part),
                                       .offset = piece.offset,
                                       .bytes = piece.bytes,
                                       .have = piece.have});
}

void ImageFetcher::on_piece(std::uint64_t id, wire::ImageReply reply) {
  Piece& piece = attempt_->pieces.at(id);
  piece.asked = false;
  auto finished = guard([this, id](Result<bool> whole) {
    if (!whole) return stored(id, false, std::unexpected(std::move(whole).error()));
    stored(id, !*whole, {});
  });
  auto staging = attempt_->staging;
  if (reply.kind == wire::ImageReply::Kind::same) {
    env::run_on(
        env_.lanes, {env::LaneKind::image, 0},
        [staging, piece] {
          return staging->keep(piece.part, piece.offset, piece.bytes, piece.have);
        },
        std::move(finished));
    return;
  }
  if (reply.kind != wire::ImageReply::Kind::piece) return ask_again(id);
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0},
      [staging, piece, reply = std::move(reply)]() -> Result<bool> {
        auto plain = decompress(reply.data, piece.bytes);
        // A piece that was spoiled on its way is asked for again.
        if (!plain || hash64(*plain) != reply.hash) return false;
        TRY(staging->write(piece.part, piece.offset, *plain));
        return true;
      },
      std::move(finished));
}

void ImageFetcher::stored(std::uint64_t id, bool again, Status status) {
  if (!status) return give_up(std::move(status).error());
  if (again) return ask_again(id);
  attempt_->pieces.erase(id);
  pump();
}

// What came was spoiled on its way, or is the sender's fault and will be no better.
void ImageFetcher::ask_again(std::uint64_t id) {
  Piece& piece = attempt_->pieces.at(id);
  if (++piece.tries == kTriesMax)
    return give_up({Errc::corrupt, "image: the piece at " + std::to_string(piece.offset) +
                                       " is never what it should be"});
  piece.have = 0;
  ask(id);
}

void ImageFetcher::watch() {
  const TimePoint now = env_.clock.now();
  Attempt& a = *attempt_;
  const bool waits =
      !a.image || std::ranges::any_of(a.pieces, [](const auto& each) { return each.second.asked; });
  if (waits && ++a.silent_looks >= kSilentLooksMax)
    return give_up({Errc::timeout, "node " + a.from.value + " does not answer"});
  if (!a.image && now - a.head_asked_at >= kAskAgainAfter) ask_for_head();
  for (const auto& [id, piece] : a.pieces)
    if (piece.asked && now - piece.asked_at >= kAskAgainAfter) ask(id);
}

void ImageFetcher::give_up(Error error) {
  if (pauses_.size() >= kPausesMax) pauses_.clear();
  Pause& pause = pauses_[attempt_->from];
  const bool refused = error.code == Errc::corrupt;
  pause.until = env_.clock.now() + kPause;
  if (refused) pause.until += kRefusedPauseMin * (1 << std::min(pause.refused++, kDoublingsMax));
  const std::string line =
      "fetching an image from node " + attempt_->from.value + " failed: " + error.text;
  // Not anew for each of the many asks that meet the same answer.
  if (refused || std::exchange(pause.why, error.text) != error.text)
    env_.log.write(LogLevel::warning, "image", line);
  else
    overdue_.waits("still without an image: " + line);
  attempt_.reset();
  watcher_.stop();
  done_(std::unexpected(std::move(error)));
}

void ImageFetcher::complete() {
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0},
      [disk = &env_.disk, label = attempt_->image->label] {
        return sql::check_staged(*disk, label);
      },
      guard([this](Status status) {
        if (!status) return give_up(std::move(status).error());
        auto fetched = std::move(*attempt_->image);
        pauses_.erase(attempt_->from);
        overdue_.over();
        attempt_.reset();
        watcher_.stop();
        done_(std::move(fetched));
      }));
}

}  // namespace lockstep::node
