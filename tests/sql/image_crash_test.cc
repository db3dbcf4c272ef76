// Power is cut at every disk call of receiving, installing and opening an image. Whatever stood on
// the disk before, afterwards the database is exactly that or exactly the image, and the image can
// be sent again.
#include <gtest/gtest.h>

#include <map>

#include "base/bugs.h"
#include "tests/sql/image_source.h"

namespace lockstep::sql {
namespace {

using Files = std::map<std::string, std::string>;

// A receiver's disk as it is before the image comes.
struct Before {
  Files files;
  std::optional<std::uint64_t> index;  // of the state it holds; none: damaged
};

Before state_before(const Scenario& scenario, Rng rng) {
  sim::SimDisk below(rng.derive("before"));
  HookDisk disk(below);
  Before before;
  const std::uint64_t kind = rng.below(5);
  if (kind == 0) return {.files = {}, .index = 0};
  {
    auto database = Database::open(disk, options_of(scenario, 5));
    EXPECT_TRUE(database);
    Life life(scenario, disk, **database, rng.derive("life"), {});
    EXPECT_TRUE(life.run_until(rng.between(1, 12)));
    EXPECT_TRUE((*database)->durable_point());
    before.index = (*database)->durable().index.value;
  }
  const auto names = disk.list();
  for (const auto& name : *names) before.files[name] = *below.contents(name);
  if (kind > 1) return before;
  before.index.reset();
  if (rng.chance(1, 2))
    before.files["manifest"] = "rubbish";
  else
    before.files[kMainName].resize(4096);
  return before;
}

class Installation {
 public:
  Installation(const Scenario& scenario, const Image& image, const Before& before,
               std::uint64_t operations)
      : scenario_(scenario),
        image_(image),
        before_(before),
        rng_(Rng(scenario.seed).derive("install", operations)),
        disk_(rng_.derive("disk")) {
    for (const auto& [name, bytes] : before.files) disk_.put(name, bytes);
    disk_.crash_after(operations);
  }

  // False: no crash came.
  bool crashes() {
    const Status installed = receive();
    if (installed && open_and_go_on()) {
      if (!disk_.dead()) return false;
    } else if (!disk_.dead()) {
      story_ = "failed before the disk did";
      return true;
    }
    was_installed_ = installed.has_value();
    crash(disk_, rng_);
    if (rng_.chance(1, 3)) {
      disk_.crash_after(rng_.below(30));
      {
        auto again = Database::open(disk_, options_of(scenario_, 6));
      }
      crash(disk_, rng_);
    }
    judge();
    return true;
  }
  [[nodiscard]] const std::string& story() const { return story_; }
  [[nodiscard]] bool found_image() const { return found_image_; }

 private:
  Status receive() {
    TRY(stage(disk_, image_));
    return install_image(disk_, image_.label, membership_of("source"));
  }

  bool open_and_go_on() {
    auto database = Database::open(disk_, options_of(scenario_, 7));
    if (!database) return false;
    return goes_on(**database);
  }

  // Applies what follows, with a durable point of its own.
  bool goes_on(Database& database) {
    HookDisk unused(disk_);
    Life life(scenario_, unused, database, rng_.derive("life"), {});
    return life.run();
  }

  void judge() {
    auto database = Database::open(disk_, options_of(scenario_, 8));
    if (!database) {
      const bool still_damaged = !before_.index && database.error().code == Errc::corrupt;
      if (!still_damaged || was_installed_) story_ = "does not open: " + database.error().text;
      if (story_.empty()) send_again();
      return;
    }
    const std::uint64_t found = (*database)->status().applied.value;
    const std::uint64_t image = image_.label.state.index.value;
    if ((*database)->content_hash() != scenario_.content[found]) {
      story_ = "not the content at entry " + std::to_string(found);
      return;
    }
    // A damaged manifest leaves nothing; after the installation the node goes on by itself.
    const bool old = before_.index ? found == *before_.index : found == 0;
    found_image_ = found >= image;
    if (!found_image_ && (was_installed_ || !old)) {
      story_ = "neither the old state nor the image: " + std::to_string(found);
      return;
    }
    const bool named = (*database)->durable().image_membership == encode(membership_of("source"));
    if (named != (found == image)) story_ = "the state does not say where it comes from";
    if (!goes_on(**database) || (*database)->content_hash() != scenario_.content.back())
      story_ = "ends elsewhere";
  }
  void send_again() {
    auto sent = receive();
    if (!sent || !open_and_go_on()) story_ = "cannot be sent again";
  }

  const Scenario& scenario_;
  const Image& image_;
  const Before& before_;
  Rng rng_;
  sim::SimDisk disk_;
  bool was_installed_ = false;
  bool found_image_ = false;
  std::string story_;
};

struct Tally {
  std::uint64_t crashes = 0;
  std::uint64_t images = 0;
  std::uint64_t wrong = 0;
  std::string first_story;
};

Tally crash_everywhere(std::uint64_t seed, std::uint64_t stride) {
  const Scenario scenario = make_scenario(seed, 40);
  Rng rng = Rng(seed).derive("images");
  const Image image = image_of(scenario, rng.between(20, 30), rng.derive("source"));
  const Before before = state_before(scenario, rng.derive("target"));
  Tally tally;
  for (std::uint64_t operations = 0;; operations += stride) {
    Installation installation(scenario, image, before, operations);
    if (!installation.crashes()) return tally;
    ++tally.crashes;
    tally.images += installation.found_image() ? 1 : 0;
    if (installation.story().empty()) continue;
    ++tally.wrong;
    if (tally.first_story.empty())
      tally.first_story = "crash after " + std::to_string(operations) + ": " + installation.story();
  }
}

class ImageCrash : public testing::TestWithParam<int> {};

TEST_P(ImageCrash, leaves_the_old_state_or_the_image) {
  const Tally tally = crash_everywhere(static_cast<std::uint64_t>(GetParam()) + 300, 1);
  count_crashes("image", tally.crashes);
  RecordProperty("crashes", static_cast<int>(tally.crashes));
  EXPECT_GT(tally.crashes, 40u);
  EXPECT_GT(tally.images, 10u);
  EXPECT_LT(tally.images, tally.crashes);
  EXPECT_EQ(tally.wrong, 0u) << tally.first_story;
}

INSTANTIATE_TEST_SUITE_P(Seeds, ImageCrash, testing::Range(1, 11));

TEST(ImageCrash, switchable_bug_is_caught) {
  std::uint64_t found = 0;
  for (std::uint64_t seed = 301; seed < 307 && found == 0; ++seed) {
    switch_bug_on(Bug::install_without_sync);
    found = crash_everywhere(seed, 1).wrong;
    switch_bug_on(Bug::none);
  }
  EXPECT_GT(found, 0u);
}

}  // namespace
}  // namespace lockstep::sql
