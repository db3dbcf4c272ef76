// Databases that an older version of the node wrote, with an older SQLite, open and hold what they
// held. tests/data/sql/sqlite-3.40.1 is of version 0.1.0: its last write is in the write-ahead
// file.
#include <gtest/gtest.h>
#include <zstd.h>

#include <fstream>
#include <sstream>

#include "tests/sql/support.h"

namespace lockstep::sql {
namespace {

std::string unpacked(const std::string& name) {
  std::ifstream file(LOCKSTEP_TEST_DATA "/sql/sqlite-3.40.1/" + name + ".zst", std::ios::binary);
  std::stringstream packed;
  packed << file.rdbuf();
  const std::string bytes = packed.str();
  std::string out(1 << 20, '\0');
  const std::size_t size = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  EXPECT_EQ(ZSTD_isError(size), 0u) << name;
  out.resize(size);
  return out;
}

void restore(sim::SimDisk& disk) {
  for (const char* name : {"db.sqlite", "db.sqlite-wal", "manifest", "sums-0", "sums-1"}) {
    auto file = disk.open(name, env::OpenMode::create);
    ASSERT_TRUE(file) << name;
    ASSERT_TRUE((*file)->truncate(0));
    ASSERT_TRUE((*file)->write(0, unpacked(name)));
    ASSERT_TRUE((*file)->sync());
  }
  ASSERT_TRUE(disk.sync_dir());
}

class OlderFiles : public ::testing::Test {
 protected:
  OlderFiles() {
    rig.reader.reset();
    rig.database.reset();
    restore(rig.disk);
    rig.reopen();
  }
  Rig rig;
};

TEST_F(OlderFiles, hold_what_they_held) {
  EXPECT_EQ(rig.query({"SELECT id, name, n, twice FROM t ORDER BY id"}),
            "id,name,n,twice [integer,text,real,] 1,'one',0.1,0.2 / 2,'two',1e+15,2e+15 / "
            "3,'three',-0.333333333333333,-0.666666666666667 / "
            "4,'in the write-ahead file',4,8");
  EXPECT_EQ(rig.query({"SELECT title FROM notes WHERE notes MATCH 'fox*' ORDER BY rank, title"}),
            "title [] 'first' / 'second'");
  EXPECT_EQ(rig.query({"SELECT docid FROM old WHERE old MATCH 'dog'"}), "docid [] 2");
  EXPECT_EQ(rig.query({"SELECT id FROM boxes WHERE x1 > 5"}), "id [int] 2");
  EXPECT_EQ(rig.query({"SELECT a, b FROM pair"}), "a,b [,] 1,x'0102' / 'z',2.5");
  EXPECT_EQ(rig.query({"SELECT count(*) AS n, max(length(what)) AS w FROM log"}), "n,w [,] 5,6000");
}

TEST_F(OlderFiles, are_sound_and_take_writes) {
  EXPECT_EQ(rig.query({"PRAGMA integrity_check"}), "integrity_check [] 'ok'");
  EXPECT_EQ(rig.run({"INSERT INTO t(name, n) VALUES('five', 5)", "DELETE FROM t WHERE id = 2",
                     "INSERT INTO notes VALUES('third', 'another fox')", "REINDEX", "ANALYZE"})
                .find('!'),
            std::string::npos);
  EXPECT_EQ(rig.run({"VACUUM"}).find('!'), std::string::npos);
  ASSERT_TRUE(rig.database->checkpoint(Checkpoint::restart_wal));
  rig.reopen();
  EXPECT_EQ(rig.query({"SELECT group_concat(name ORDER BY id) AS names FROM t"}),
            "names [] 'one,three,in the write-ahead file,five'");
  EXPECT_EQ(rig.query({"PRAGMA integrity_check"}), "integrity_check [] 'ok'");
}

}  // namespace
}  // namespace lockstep::sql
