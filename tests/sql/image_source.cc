#include "tests/sql/image_source.h"

#include <gtest/gtest.h>

namespace lockstep::sql {
namespace {

std::string read_part(Database& database, ImagePart part, std::uint64_t bytes, std::uint64_t step,
                      const std::function<void()>& meanwhile) {
  std::string all;
  while (all.size() < bytes) {
    auto piece = database.read_image(part, all.size(), step);
    if (!piece || piece->empty()) {
      ADD_FAILURE() << "image ends early";
      break;
    }
    all += *piece;
    meanwhile();
  }
  EXPECT_EQ(database.read_image(part, bytes, step), std::string());
  return all;
}

}  // namespace

Image fetch(Database& database, const ImageLabel& label, std::uint64_t step,
            const std::function<void()>& meanwhile) {
  Image image{.label = label, .main = {}, .wal = {}};
  image.main = read_part(database, ImagePart::main, label.main_bytes, step, meanwhile);
  image.wal = read_part(database, ImagePart::wal, label.wal_bytes, step, meanwhile);
  return image;
}

Image image_of(const Scenario& scenario, std::uint64_t applied, Rng rng) {
  sim::SimDisk below(rng.derive("source"));
  HookDisk disk(below);
  auto database = Database::open(disk, options_of(scenario, 9));
  EXPECT_TRUE(database);
  Life life(scenario, disk, **database, rng.derive("life"), {.writer_beside = true});
  EXPECT_TRUE(life.run_until(applied)) << life.story;
  if (rng.chance(1, 3)) {
    EXPECT_TRUE((*database)->checkpoint(Checkpoint::restart_wal));
  }
  auto label = (*database)->pin_image();
  EXPECT_TRUE(label);
  const std::uint64_t step = rng.chance(1, 2) ? 4096 : rng.between(1000, 40'000);
  Image image = fetch(**database, *label, step, [&] {
    if (!rng.chance(1, 3)) return;
    EXPECT_TRUE(life.run_until((*database)->status().applied.value + 1)) << life.story;
  });
  (*database)->unpin_image();
  EXPECT_TRUE(life.run()) << life.story;
  return image;
}

Status stage(env::Disk& disk, const Image& image) {
  constexpr std::uint64_t kStep = 16'384;
  const auto put = [&](const char* name, const std::string& bytes) -> Status {
    TRY_ASSIGN(auto file, disk.open(name, env::OpenMode::create));
    TRY(file->truncate(0));
    for (std::uint64_t at = 0; at < bytes.size(); at += kStep)
      TRY(file->write(at, std::string_view(bytes).substr(at, kStep)));
    return {};
  };
  TRY(put(kStagedMain, image.main));
  return put(kStagedWal, image.wal);
}

raft::Membership membership_of(const std::string& node) {
  return {.members = {{.id = NodeId{node}, .address = node + ":1", .voter = true}}};
}

}  // namespace lockstep::sql
