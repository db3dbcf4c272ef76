#include "tests/sql/generate.h"

namespace lockstep::sql {
namespace {

std::string number(Rng& rng, std::uint64_t n) {
  return std::to_string(rng.below(n));
}

// Against the full text table.
std::string words_text(Rng& rng) {
  const std::string value = number(rng, 30);
  switch (rng.below(8)) {
    case 0:
      return "DELETE FROM words WHERE words MATCH '" + value + "'";
    case 1:
      return "UPDATE words SET w=w||' gamma' WHERE rowid IN (SELECT rowid FROM words('" + value +
             "') ORDER BY rank LIMIT 2)";
    case 2:
      return "INSERT INTO log(text) SELECT highlight(words,0,'<','>') FROM words('alpha') LIMIT 2";
    case 3:
      return "INSERT INTO words(words) VALUES('" +
             std::string(rng.chance(1, 2) ? "optimize" : "integrity-check") + "')";
    default:
      return "INSERT INTO words VALUES('alpha " + value + " beta')";
  }
}

std::string random_text(Rng& rng) {
  const std::string id = number(rng, 40);
  const std::string value = number(rng, 1000);
  switch (rng.below(30)) {
    case 0:
    case 1:
    case 2:
      return "INSERT INTO t(id,v) VALUES(" + id + "," + value +
             ") ON CONFLICT(id) DO UPDATE SET v=excluded.v, n=n+1";
    case 3:
      return "INSERT INTO t(v) VALUES(random()), (hex(randomblob(8)))";
    case 4:
      return "UPDATE t SET v=v||random() WHERE id%7=" + number(rng, 7);
    case 5:
      return "DELETE FROM t WHERE id=" + id;
    case 6:
      return "INSERT INTO blobs(b) VALUES(randomblob(" + std::to_string(rng.between(1, 20'000)) +
             "))";
    case 7:
      return "DELETE FROM blobs WHERE id IN (SELECT id FROM blobs ORDER BY random() LIMIT 2)";
    case 8:
      return "INSERT INTO log(text) SELECT datetime('now')||CURRENT_TIMESTAMP||strftime('%s')";
    case 9:
      return "CREATE TABLE IF NOT EXISTS extra" + number(rng, 3) + "(a, b DEFAULT (random()))";
    case 10:
      return "DROP TABLE IF EXISTS extra" + number(rng, 3);
    case 11:
      return "INSERT INTO extra" + number(rng, 3) + "(a) VALUES(1),(2)";
    case 12:
      return "INSERT INTO t(id,v) VALUES(" + id + ",1)";
    case 13:
      return "INSERT OR ROLLBACK INTO t(id,v) VALUES(" + id + ",1)";
    case 14:
      return "INSERT OR FAIL INTO t(id,v) VALUES(" + value + ",1),(" + id + ",1),(999,1)";
    case 15:
      return "VACUUM";
    case 16:
      return "BEGIN; INSERT INTO t(v) VALUES(" + value +
             "); INSERT INTO log(text) VALUES('x'); COMMIT";
    case 17:
      return "INSERT INTO log(text) "
             "VALUES(changes()||'/'||last_insert_rowid()||'/'||total_changes())";
    case 18:
      return "INSERT INTO child(p) VALUES(" + id + ")";
    case 19:
      return "INSERT OR IGNORE INTO parent VALUES(" + id + ")";
    case 20:
      return "UPDATE t SET n=n+1 WHERE id<" + id + " RETURNING id, n";
    case 21:
    case 25:
    case 26:
      return words_text(rng);
    case 22:
      return rng.chance(1, 2) ? "ANALYZE" : "PRAGMA optimize";
    case 23:
      return "SELECT id FROM t ORDER BY random() LIMIT 3";
    case 27:
      return (rng.chance(1, 2) ? "CREATE INDEX IF NOT EXISTS t_n ON t(n)"
                               : "DROP INDEX IF EXISTS t_n");
    case 28:
      return "INSERT INTO log(text) SELECT p.id||'-'||q.id FROM t AS p, t AS q WHERE p.n=q.n LIMIT "
             "5";
    case 24:
      return "INSERT INTO big(v) VALUES(1),(2)";
    default:
      return "SELECT nonsense FROM nowhere";
  }
}

}  // namespace

std::vector<std::string> schema_commands() {
  return {command({"CREATE TABLE t(id INTEGER PRIMARY KEY, v, n INTEGER DEFAULT 0)",
                   "CREATE INDEX t_v ON t(v)",
                   "CREATE TABLE blobs(id INTEGER PRIMARY KEY AUTOINCREMENT, b BLOB)",
                   "CREATE TABLE log(text, at DEFAULT CURRENT_TIMESTAMP, r DEFAULT (random()))",
                   "CREATE TABLE parent(id INTEGER PRIMARY KEY)",
                   "CREATE TABLE child(p REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
                   "CREATE VIRTUAL TABLE words USING fts5(w)",
                   "CREATE TABLE big(id INTEGER PRIMARY KEY, v)",
                   "INSERT INTO big VALUES(9223372036854775807, 0)"}),
          command({"CREATE TRIGGER t_log AFTER DELETE ON t BEGIN INSERT INTO log(text) "
                   "VALUES(old.v||random()||julianday('now')); END"})};
}

std::string random_command(Rng& rng) {
  Options options;
  options.kind = rng.chance(1, 3) ? wire::CommandKind::request : wire::CommandKind::execute;
  options.transaction = rng.chance(1, 4);
  options.stamp = static_cast<std::int64_t>(rng.between(0, 2'000'000'000'000));
  options.seed = rng.next();
  if (rng.chance(1, 5)) options.timeout = microseconds(rng.between(1, 200));
  std::vector<Text> texts;
  const std::uint64_t count = rng.between(1, 4);
  for (std::uint64_t i = 0; i < count; ++i) texts.emplace_back(random_text(rng));
  return command(texts, options);
}

}  // namespace lockstep::sql
