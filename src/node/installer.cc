#include "node/installer.h"

#include <utility>

namespace lockstep::node {

Installer::Installer(env::Env env, Applier& applier, ImageSender& images, Snapshotter& snapshotter,
                     Listener listener)
    : env_(env),
      applier_(applier),
      images_(images),
      snapshotter_(snapshotter),
      listener_(std::move(listener)) {}

void Installer::fetched(Result<ImageFetcher::Fetched> fetched) {
  if (!fetched || busy_ || fetched->label.state.index <= applier_.applied()) return;
  busy_ = true;
  applier_.halt([this, fetched = std::move(*fetched)]() mutable {
    images_.release();
    images_.halt([this, fetched = std::move(fetched)]() mutable {
      snapshotter_.halt(
          [this, fetched = std::move(fetched)]() mutable { install(std::move(fetched)); });
    });
  });
}

// The database is not touched any more; the next opening finds the image in its place.
void Installer::install(ImageFetcher::Fetched fetched) {
  env_.log.write(LogLevel::info, "image",
                 "installing an image of index " + to_string(fetched.label.state.index));
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0},
      [this, fetched = std::move(fetched)] {
        return sql::install_image(env_.disk, fetched.label, fetched.membership);
      },
      life_.guard([this](Status status) {
        // Whatever went wrong, the old database is not in use any more: open it again.
        const bool again =
            status || status.error().code == Errc::corrupt || status.error().code == Errc::no_space;
        if (again && !status)
          env_.log.write(LogLevel::error, "image", "not installed: " + status.error().text);
        if (again) return listener_.reopen();
        listener_.failed(std::move(status).error());
      }));
}

}  // namespace lockstep::node
