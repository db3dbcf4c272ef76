// Installer: makes a fetched image this node's database. Whatever works on the old one ends first:
// applier, sender of images, snapshotter. Then the image is put in its place and the node is opened
// again, which finds it there (sql/image.h).
//
// Turns.
#pragma once

#include <functional>

#include "env/env.h"
#include "node/applier.h"
#include "node/image_fetcher.h"
#include "node/image_sender.h"
#include "node/lifeline.h"
#include "node/snapshotter.h"

namespace lockstep::node {

class Installer {
 public:
  struct Listener {
    std::function<void()> reopen;       // the old database is not in use any more
    std::function<void(Error)> failed;  // final
  };
  Installer(env::Env env, Applier& applier, ImageSender& images, Snapshotter& snapshotter,
            Listener listener);

  // An attempt to fetch an image is over. A failed one is nothing: the leader goes on offering.
  void fetched(Result<ImageFetcher::Fetched> fetched);
  // From here on nothing else happens in this life.
  [[nodiscard]] bool busy() const { return busy_; }

 private:
  void install(ImageFetcher::Fetched fetched);

  env::Env env_;
  Applier& applier_;
  ImageSender& images_;
  Snapshotter& snapshotter_;
  Listener listener_;
  bool busy_ = false;
  Lifeline life_;
};

}  // namespace lockstep::node
