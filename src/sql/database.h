// The replicated state machine: a SQLite database fed with log entries, on our VFS over env::Disk.
// The only room (sql/) that knows sqlite3.h.
//
// Database owns the writing connection; Reader objects own reading connections, one per read lane,
// which see committed transactions only and never block the writer. SQLite never syncs: durability
// is ours, by durable points. The protocol (numbered steps) is in docs/design.md, "Durable points".
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "env/disk.h"
#include "raft/messages.h"
#include "sql/image.h"
#include "sql/result.h"
#include "storage/manifest.h"

namespace lockstep::sql {

struct DatabaseOptions {
  std::uint64_t seed = 0;        // WAL salts and SQLite's own generator; differs per start
  bool foreign_keys = false;     // -fk; a cluster setting: must be equal on all nodes
  int cache_pages = 2000;        // SQLite's page cache of each connection; a small one spills
  std::uint64_t step_limit = 0;  // virtual machine steps a statement may take when the command has
                                 // a db_timeout; 0: default
  // Steps that a whole request may take, with or without a db_timeout: an endless one would hold up
  // every node for good. A cluster setting. The default is about a minute's work.
  std::uint64_t request_steps_max = 4'200'000'000;
  // How long Checkpoint::restart_wal holds the writer for reads to end that are in the way.
  Duration restart_patience = milliseconds(20);
};

struct ReadOptions {
  Duration timeout{};  // db_timeout; 0 = none
};

class Reader {
 public:
  virtual ~Reader() = default;
  // Runs the command's statements (kind query or strong_read) read-only, in one read transaction if
  // command.transaction, and reports one result per statement (rqlite contract 3.4, 3.5). Never
  // fails as a whole for a user's SQL. Errc::corrupt: a page is not what was written there;
  // Errc::io: the disk failed: both are final for the whole Database, and nothing may be answered.
  // Its own read lane only.
  virtual Result<CommandResult> query(std::string_view command) = 0;
  // True if every non-empty statement prepares and only reads (contract 3.2). Its own read lane
  // only.
  virtual bool is_read_only(std::string_view command) = 0;
  // Ends the query that is under way, if any, which then answers kReadInterrupted for the statement
  // it was at. Turns and every lane.
  virtual void interrupt() = 0;
  // Like interrupt(), of the query under way and all that are still to come. Turns and every lane.
  virtual void retire() = 0;
};

// What a statement answers that was ended by Reader::interrupt() or retire().
inline constexpr char kReadInterrupted[] =
    "read interrupted: it held back the write-ahead log for too long; try again";

struct Applied {
  LogIndex index;
  CommandResult result;  // empty for entries other than commands, and for strong_read entries
};

// How a checkpoint treats the writer.
enum class Checkpoint : std::uint8_t {
  beside_writer,  // holds it for the moment of fixing what is copied; the WAL may grow on
  restart_wal,    // holds it until the WAL can start again, in a first pass copying beside it;
                  // gives up if reads last longer than restart_patience
};

// Numbers about a Database that every lane and turn may ask for.
struct DatabaseStatus {
  LogIndex applied;
  LogIndex durable;             // of the manifest: a restart begins here
  std::uint64_t wal_bytes = 0;  // of WAL in use since it last restarted
};

// The methods belong to two lanes, apply and image, which run at the same time: the Database orders
// them among themselves with one lock that the writer holds for a batch, and a durable point or
// checkpoint only to fix what it speaks of.
class Database {
 public:
  virtual ~Database() = default;
  // Opens, recovers or creates the database on `disk` at the state the manifest names, finishing an
  // image's installation that a crash cut short (sql/image.h). Errc::corrupt: the files do not hold
  // that state. Before the first turn.
  static Result<std::unique_ptr<Database>> open(env::Disk& disk, const DatabaseOptions& options);

  // Any lane, any turn.
  [[nodiscard]] virtual DatabaseStatus status() const = 0;
  // What the manifest says. Image lane, and before the first turn.
  [[nodiscard]] virtual storage::DurableState durable() const = 0;

  // Applies consecutive entries following status().applied, as one SQLite transaction where the
  // statements allow it. Results in order. A user's SQL error is a result. Errc::no_space: none of
  // the entries has an effect; the same may be tried again once there is space. Any other failure
  // is final (Errc::io, corrupt). Apply lane only.
  virtual Result<std::vector<Applied>> apply(std::span<const raft::Entry> entries) = 0;
  // A hash of every table's rows and the schema (not of page bytes); equal on replicas at equal
  // applied index. Slow; for tests and the simulator's oracles. Apply lane only.
  virtual Result<std::uint64_t> content_hash() = 0;

  // Makes what is applied durable without a checkpoint: one WAL sync and one manifest write. Replay
  // will start there, the log may be compacted to there. Does nothing if it is durable already.
  // Errc::no_space: not done, may be tried again. Any other failure is final. Image lane only.
  virtual Status durable_point() = 0;
  // A durable point; then moves the WAL's frames into the main file and, when complete, lets the
  // WAL start again (steps 4-5 of docs/design.md, "Durable points"). A long reader makes it
  // partial: that is success too. Does no more than the durable point while an image is pinned.
  // Failures as durable_point(). Image lane only.
  virtual Status checkpoint(Checkpoint mode) = 0;

  // Fixes an image: the state that durable_point() would name now stays readable, byte for byte,
  // until unpin_image(), while writes go on; the price is WAL space, as no checkpoint copies
  // meanwhile. Failures as durable_point(). Precondition: none is pinned. Image lane only.
  virtual Result<ImageLabel> pin_image() = 0;
  // `bytes` of a part of the pinned image, fewer only at its end. Pages of the main file are
  // verified; Errc::corrupt is final. Image lane only.
  virtual Result<std::string> read_image(ImagePart part, std::uint64_t offset,
                                         std::uint64_t bytes) = 0;
  virtual void unpin_image() = 0;

  // A new reading connection for one read lane; the Database outlives it. Before the first turn.
  virtual Result<std::unique_ptr<Reader>> new_reader() = 0;
};

}  // namespace lockstep::sql
