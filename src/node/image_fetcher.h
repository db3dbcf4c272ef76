// ImageFetcher: pulls an image from another node into the staging files, piece by piece, a few at a
// time. Pieces may be lost and asked for again; what stands in the staging files from an earlier
// attempt, or in this node's own database, is not sent again if it is the same. So an attempt that
// is cut costs nothing, and a node that is only a little behind fetches only a little.
//
// An image that cannot be right (an impossible label, a piece that never unpacks, files that are no
// database) is refused before anything is given up for it, and its sender is left alone for a
// while, longer each time: asking at once would bring the same one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "env/env.h"
#include "node/lifeline.h"
#include "node/overdue.h"
#include "node/ticker.h"
#include "raft/membership.h"
#include "sql/image.h"
#include "wire/frames.h"

namespace lockstep::node {

class ImageFetcher {
 public:
  struct Options {
    std::uint32_t run = 0;          // differs per start of this node
    std::uint32_t piece_bytes = 0;  // a multiple of the page size, at most kImagePieceBytes
  };
  struct Fetched {
    sql::ImageLabel label;
    raft::Membership membership;
  };
  using PostFn = std::function<void(const NodeId& to, wire::FrameBody body)>;
  // The image is complete in the staging files, and looks like one; or why this attempt is over.
  using DoneFn = std::function<void(Result<Fetched>)>;

  ImageFetcher(env::Env env, Options options, PostFn post, DoneFn done);
  ~ImageFetcher();

  // Begins to fetch an image of `least` or later from `from`; nothing if one is being fetched, or
  // if `from` is left alone for now.
  void fetch(const NodeId& from, LogIndex least);
  void on_reply(const NodeId& from, wire::ImageReply reply);
  [[nodiscard]] bool busy() const { return attempt_ != nullptr; }

 private:
  struct Piece;
  struct Attempt;
  using AttemptPtr = std::shared_ptr<Attempt>;

  void ask_for_head();
  void on_head(const wire::ImageReply& reply);
  void pump();
  void start(Piece piece);
  void ask(std::uint64_t id);
  void on_piece(std::uint64_t id, wire::ImageReply reply);
  void ask_again(std::uint64_t id);
  void stored(std::uint64_t id, bool again, Status status);
  void watch();
  void give_up(Error error);
  void complete();
  // Not to be asked again before this time.
  struct Pause {
    TimePoint until;
    unsigned refused = 0;  // images in a row
    std::string why;       // the last attempt failed
  };
  // `task` as a turn, only while this attempt is the one under way.
  template <class Task>
  auto guard(Task task);

  env::Env env_;
  const Options options_;
  PostFn post_;
  DoneFn done_;
  std::uint64_t last_id_;
  AttemptPtr attempt_;
  std::map<NodeId, Pause> pauses_;  // bounded
  Ticker watcher_;                  // while there is an attempt
  Overdue overdue_;
  Lifeline life_;
};

}  // namespace lockstep::node
