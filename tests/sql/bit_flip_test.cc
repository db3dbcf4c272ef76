// One bit flips somewhere in a database's files, at rest or under open connections. Whatever is
// read afterwards must be the right rows or an error, and never other rows; a scrub finds every
// flip in the main file.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/bugs.h"
#include "sql/page_sums.h"
#include "sql/reader.h"
#include "sql/vfs.h"
#include "tests/sql/scrub.h"
#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

constexpr const char* kFiles[] = {kMainName, kWalName, kSumsNames[0], kSumsNames[1], "manifest"};
constexpr DatabaseOptions kOptions{.seed = 5, .cache_pages = 6};

// Where the data is when the bit flips.
enum class Place {
  main,         // all of it in the main file
  wal,          // much of it in frames that the manifest names
  half_copied,  // a checkpoint that a reader made partial copied some of those frames
};

// Everything a disk holds between two lives of the process.
struct World {
  Place place{};
  std::map<std::string, std::string> files;
  std::vector<std::string> queries;
  std::vector<std::uint64_t> answers;
  std::uint64_t content = 0;
};

void put(sim::SimDisk& disk, const World& world) {
  for (const auto& [name, bytes] : world.files) disk.put(name, bytes);
}

std::vector<std::string> all_queries() {
  std::vector<std::string> queries;
  for (const char* text :
       {"SELECT * FROM t ORDER BY id", "SELECT v FROM t INDEXED BY by_v ORDER BY v",
        "SELECT id, hex(b) FROM blobs ORDER BY id", "SELECT * FROM pairs ORDER BY a, b",
        "SELECT count(*), sum(n) FROM t", "SELECT sql FROM sqlite_schema ORDER BY name"})
    queries.push_back(command({text}, {.kind = wire::CommandKind::query}));
  return queries;
}

// Rows in tables, an index, overflow pages, and a tree without row ids: some 60 pages.
void fill(Rig& rig) {
  rig.run({"CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, n INTEGER)", "CREATE INDEX by_v ON t(v)",
           "CREATE TABLE blobs(id INTEGER PRIMARY KEY, b BLOB)",
           "CREATE TABLE pairs(a TEXT, b INTEGER, PRIMARY KEY(a, b)) WITHOUT ROWID"});
  rig.run(
      {"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<600) "
       "INSERT INTO t SELECT i, hex(randomblob(12)), i*i FROM c"});
  rig.run({"INSERT INTO pairs SELECT substr(v,1,9), n FROM t"});
  for (const char* bytes : {"100", "5000", "30000", "9000"})
    rig.run({std::string("INSERT INTO blobs(b) VALUES(randomblob(") + bytes + "))"});
}

void change(Rig& rig) {
  rig.run({"UPDATE t SET n=n+1 WHERE id%3=0"});
  rig.run({"UPDATE blobs SET b=randomblob(12000) WHERE id=2"});
  rig.run({"INSERT INTO pairs SELECT 'new'||substr(v,1,5), n FROM t WHERE id%4=0"});
}

Status checkpoint(Database& database) {
  return database.checkpoint(Checkpoint::restart_wal);
}

World make_world(Place place) {
  Rig rig(kOptions);
  fill(rig);
  EXPECT_TRUE(checkpoint(*rig.database));
  Connection& reading = static_cast<ConnectionReader&>(*rig.reader).connection();
  if (place == Place::half_copied) {
    rig.run({"UPDATE blobs SET b=randomblob(9500) WHERE id=4"});
    EXPECT_TRUE(reading.run(HostSql::begin_read));
    EXPECT_TRUE(reading.value_of("SELECT count(*) FROM t"));
  }
  change(rig);
  const std::string before = *rig.disk.contents(kMainName);
  EXPECT_TRUE(place == Place::wal ? rig.database->durable_point() : checkpoint(*rig.database));
  if (reading.in_transaction()) {
    EXPECT_TRUE(reading.run(HostSql::rollback));
  }
  EXPECT_EQ(rig.database->durable().wal_frames > 0, place != Place::main);
  EXPECT_EQ(rig.disk.contents(kMainName) != before, place != Place::wal);
  World world{.place = place, .files = {}, .queries = all_queries(), .answers = {}, .content = 0};
  for (const std::string& query : world.queries) {
    const Result<CommandResult> answer = rig.reader->query(query);
    EXPECT_TRUE(answer);
    world.answers.push_back(hash_of(*answer));
  }
  world.content = rig.content();
  rig.reader.reset();
  rig.database.reset();
  for (const char* name : kFiles) world.files[name] = *rig.disk.contents(name);
  return world;
}

enum class Seen { right, error, wrong };

bool has_error(const CommandResult& result) {
  return !result.error.empty() || std::ranges::any_of(result.statements, [](const auto& one) {
    return std::holds_alternative<SqlError>(one.outcome);
  });
}

// All queries by a reader, then all content by the writing connection.
Seen look(const World& world, Database& database, Reader& reader) {
  Seen seen = Seen::right;
  for (std::size_t i = 0; i < world.queries.size(); ++i) {
    const Result<CommandResult> answer = reader.query(world.queries[i]);
    if (!answer || has_error(*answer))
      seen = Seen::error;
    else if (hash_of(*answer) != world.answers[i])
      return Seen::wrong;
  }
  const auto content = database.content_hash();
  if (!content) return Seen::error;
  return *content == world.content ? seen : Seen::wrong;
}

struct Flip {
  std::string file;
  std::uint64_t offset = 0;
  unsigned bit = 0;
};

Flip draw_flip(const World& world, Rng& rng) {
  // Half of them where the rows are.
  std::vector<std::string> names = {kMainName, kWalName, kMainName, kWalName};
  for (const char* name : kFiles) names.emplace_back(name);
  std::string name;
  while (name.empty() || world.files.at(name).empty()) name = names[rng.below(names.size())];
  const std::uint64_t offset = rng.below(world.files.at(name).size());
  return {.file = name, .offset = offset, .bit = static_cast<unsigned>(rng.below(8))};
}

// False: the byte does not exist any more; opening a database cuts off what follows the durable
// frames.
bool apply(sim::SimDisk& disk, const Flip& flip) {
  if (flip.offset >= disk.contents(flip.file)->size()) return false;
  disk.flip_bit(flip.file, flip.offset, flip.bit);
  return true;
}

// Opens what `disk` holds, and looks.
Seen open_and_look(const World& world, sim::SimDisk& disk) {
  auto database = Database::open(disk, kOptions);
  if (!database) {
    EXPECT_EQ(database.error().code, Errc::corrupt) << database.error().text;
    return Seen::error;
  }
  auto reader = (*database)->new_reader();
  if (!reader) return Seen::error;
  return look(world, **database, **reader);
}

Seen flip_at_rest(const World& world, const Flip& flip) {
  sim::SimDisk disk(Rng(1));
  put(disk, world);
  EXPECT_TRUE(apply(disk, flip));
  return open_and_look(world, disk);
}

// A checkpoint must not carry the flip on under a new checksum.
std::optional<Seen> flip_before_checkpoint(const World& world, const Flip& flip) {
  sim::SimDisk disk(Rng(1));
  put(disk, world);
  {
    auto database = Database::open(disk, kOptions);
    EXPECT_TRUE(database);
    if (!apply(disk, flip)) return std::nullopt;
    if (!checkpoint(**database)) return Seen::error;
  }
  return open_and_look(world, disk);
}

// Connections that stay open from flip to flip, until one is noticed.
class OpenWorld {
 public:
  explicit OpenWorld(const World& world) : world_(world) { open(); }
  std::optional<Seen> try_flip(const Flip& flip) {
    if (!apply(*disk_, flip)) return std::nullopt;
    const Seen seen = look(world_, *database_, *reader_);
    if (seen == Seen::right)
      apply(*disk_, flip);
    else
      open();
    return seen;
  }

 private:
  void open() {
    reader_.reset();
    database_.reset();
    disk_ = std::make_unique<sim::SimDisk>(Rng(1));
    put(*disk_, world_);
    database_ = std::move(*Database::open(*disk_, kOptions));
    reader_ = std::move(*database_->new_reader());
    EXPECT_EQ(look(world_, *database_, *reader_), Seen::right);
  }

  const World& world_;
  std::unique_ptr<sim::SimDisk> disk_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Reader> reader_;
};

struct Tally {
  int flips = 0;
  int errors = 0;
  int wrong = 0;
  std::string first_wrong;
  void add(std::optional<Seen> seen, const Flip& flip) {
    if (!seen) return;
    ++flips;
    errors += seen == Seen::error ? 1 : 0;
    if (seen != Seen::wrong) return;
    ++wrong;
    if (first_wrong.empty())
      first_wrong =
          flip.file + " offset " + std::to_string(flip.offset) + " bit " + std::to_string(flip.bit);
  }
};

constexpr Place kPlaces[] = {Place::main, Place::wal, Place::half_copied};
constexpr const char* kPlaceNames[] = {"main", "wal", "half copied"};

// How many of so many flips in each state of the world, at rest, under open connections, and before
// a checkpoint; by file.
std::map<std::string, Tally> campaign(int flips) {
  std::map<std::string, Tally> tallies;
  for (const Place place : kPlaces) {
    const World world = make_world(place);
    OpenWorld opened(world);
    Rng rng = Rng(11).derive("flips", static_cast<std::uint64_t>(place));
    for (int i = 0; i < flips; ++i) {
      const Flip flip = draw_flip(world, rng);
      tallies[flip.file + ", at rest"].add(flip_at_rest(world, flip), flip);
      tallies[flip.file + ", in use"].add(opened.try_flip(flip), flip);
      if (i % 4 == 0)
        tallies[flip.file + ", before a checkpoint"].add(flip_before_checkpoint(world, flip), flip);
    }
  }
  return tallies;
}

TEST(BitFlip, is_an_error_or_harmless_and_never_a_wrong_row) {
  int flips = 0;
  for (const auto& [where, tally] : campaign(900)) {
    std::printf("%-34s %5d flips, %5d errors, %5d harmless, %d wrong\n", where.c_str(), tally.flips,
                tally.errors, tally.flips - tally.errors - tally.wrong, tally.wrong);
    EXPECT_EQ(tally.wrong, 0) << where << ": " << tally.first_wrong;
    flips += tally.flips;
  }
  std::printf("%d flips\n", flips);
  EXPECT_GE(flips, 5000);
}

// The campaign can fail: without the checksums it finds wrong rows.
TEST(BitFlip, gives_wrong_rows_without_checksums) {
  switch_bug_on(Bug::page_sums_ignored);
  const auto tallies = campaign(60);
  switch_bug_on(Bug::none);
  EXPECT_GT(tallies.at(std::string(kMainName) + ", at rest").wrong, 0);
  EXPECT_GT(tallies.at(std::string(kMainName) + ", in use").wrong, 0);
  EXPECT_GT(tallies.at(std::string(kWalName) + ", in use").wrong, 0);
}

TEST(BitFlip, every_one_in_the_main_file_is_found_by_a_scrub) {
  for (const Place place : kPlaces) {
    const World world = make_world(place);
    sim::SimDisk disk(Rng(1));
    put(disk, world);
    const auto contents = scrub_at_rest(disk);
    ASSERT_TRUE(contents) << contents.error().text;
    Rng rng(3);
    int found = 0;
    int covered_by_wal = 0;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t offset = rng.below(world.files.at(kMainName).size());
      const Flip flip{.file = kMainName, .offset = offset, .bit = static_cast<unsigned>(i % 8)};
      apply(disk, flip);
      const auto result = scrub_at_rest(disk);
      apply(disk, flip);
      const auto page = static_cast<std::uint32_t>(offset / kPageBytes + 1);
      const bool in_wal = std::ranges::count(contents->pages, page) > 0;
      covered_by_wal += in_wal ? 1 : 0;
      if (!result) ++found;
      // The WAL has the page: nobody reads it here before a checkpoint writes it.
      EXPECT_EQ(!result, !in_wal) << "page " << page;
    }
    std::printf("%s: scrub found %d of 1000 flips, %d in pages that the WAL holds\n",
                kPlaceNames[static_cast<int>(place)], found, covered_by_wal);
  }
}

}  // namespace
}  // namespace lockstep::sql
