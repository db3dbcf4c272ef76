#include "sql/vfs.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/check.h"

namespace lockstep::sql {
namespace {

std::uint32_t big32(const std::uint32_t& word) {
  const auto* b = reinterpret_cast<const unsigned char*>(&word);
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) |
         b[3];
}

}  // namespace

WalIndex DatabaseFiles::wal_index() {
  // Words of WalIndexHdr and WalCkptInfo in "WAL-mode file format": mxFrame 4, nPage 5, salts 8 (in
  // the WAL header's byte order), nBackfill 24. The rest is the machine's byte order.
  std::uint32_t header[25];
  if (!locks_.copy_index(header, std::size(header))) return {};
  return {.frames = header[4],
          .backfilled = header[24],
          .pages = header[5],
          .salt1 = big32(header[8]),
          .salt2 = big32(header[9])};
}

Result<std::unique_ptr<env::File>> DatabaseFiles::open(std::string_view name) {
  CHECK(name == kMainName || name == kWalName);
  TRY_ASSIGN(auto file, disk_.open(name, env::OpenMode::existing));
  return name == kMainName ? page_sums_.guard(std::move(file)) : frame_sums_.guard(std::move(file));
}

// SQLite calls these; pAppData is the Vfs.
struct VfsCalls {
  static Vfs& self(sqlite3_vfs* base) { return *static_cast<Vfs*>(base->pAppData); }

  static int open(sqlite3_vfs* base, const char* name, sqlite3_file* out, int flags,
                  int* out_flags) {
    Vfs& vfs = self(base);
    out->pMethods = nullptr;
    // No name: a temporary file. All of these live in memory (temp_store), so none is ever due.
    if (name == nullptr) return SQLITE_CANTOPEN;
    const bool is_main = std::string_view(name) == kMainName && (flags & SQLITE_OPEN_MAIN_DB) != 0;
    const bool is_wal = std::string_view(name) == kWalName && (flags & SQLITE_OPEN_WAL) != 0;
    if (!is_main && !is_wal) return SQLITE_CANTOPEN;
    // Creation and recovery made both files already: one that is missing now is a lost file.
    auto file = vfs.files_.open(name);
    if (!file) {
      vfs.files_.locks().note_failure(std::move(file).error());
      return SQLITE_CANTOPEN;
    }
    auto* const target = reinterpret_cast<SqliteFile*>(out);
    target->open = new OpenFile{.files = vfs.files_,
                                .file = std::move(*file),
                                .is_main = is_main,
                                .access = vfs.access_,
                                .locks = {}};
    target->base.pMethods = file_methods();
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs*, const char* name, int) {
    // The WAL is never unlinked: a durable manifest may name it.
    return std::string_view(name) == kWalName ? SQLITE_IOERR_DELETE : SQLITE_IOERR_DELETE_NOENT;
  }

  static int access(sqlite3_vfs* base, const char* name, int, int* out) {
    Vfs& vfs = self(base);
    *out = 0;
    const bool known = std::string_view(name) == kMainName || std::string_view(name) == kWalName;
    if (!known) return SQLITE_OK;
    auto file = vfs.files_.disk().open(name, env::OpenMode::existing);
    if (!file) {
      if (file.error().code == Errc::not_found) return SQLITE_OK;
      vfs.files_.locks().note_failure(std::move(file).error());
      return SQLITE_IOERR_ACCESS;
    }
    auto size = (*file)->size();
    if (!size) {
      vfs.files_.locks().note_failure(std::move(size).error());
      return SQLITE_IOERR_ACCESS;
    }
    *out = *size > 0 ? 1 : 0;  // an empty WAL is none
    return SQLITE_OK;
  }

  static int full_pathname(sqlite3_vfs*, const char* name, int bytes, char* out) {
    const std::size_t length = std::strlen(name);
    if (length + 1 > static_cast<std::size_t>(bytes)) return SQLITE_CANTOPEN;
    std::memcpy(out, name, length + 1);
    return SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* base, int bytes, char* out) {
    Vfs& vfs = self(base);
    for (int i = 0; i < bytes; ++i) out[i] = static_cast<char>(vfs.rng_.next() & 0xff);
    return bytes;
  }

  static int sleep(sqlite3_vfs*, int microseconds) {
    // Asked for only when another thread holds the WAL-index for a moment, so never in simulation.
    sqlite3_vfs* const system = sqlite3_vfs_find("unix");
    return system != nullptr ? system->xSleep(system, microseconds) : microseconds;
  }

  static int current_time_int64(sqlite3_vfs* base, sqlite3_int64* out) {
    // Julian day of the epoch in milliseconds; the bounds are those of SQLite's date functions.
    constexpr std::int64_t kEpoch = 210'866'760'000'000;
    constexpr std::int64_t kLast = 464'269'060'799'999;
    *out = std::clamp(self(base).now_.unix_ms, -kEpoch, kLast - kEpoch) + kEpoch;
    return SQLITE_OK;
  }

  static int current_time(sqlite3_vfs* base, double* out) {
    sqlite3_int64 ms = 0;
    current_time_int64(base, &ms);
    *out = static_cast<double>(ms) / 86'400'000.0;
    return SQLITE_OK;
  }

  static int last_error(sqlite3_vfs*, int, char*) { return 0; }
};

Vfs::Vfs(DatabaseFiles& files, FileAccess access, std::uint64_t seed)
    : files_(files), access_(access), rng_(Rng(seed).derive("sqlite vfs")) {
  base_.iVersion = 2;
  base_.szOsFile = sizeof(SqliteFile);
  base_.mxPathname = 64;
  base_.pAppData = this;
  base_.xOpen = &VfsCalls::open;
  base_.xDelete = &VfsCalls::remove;
  base_.xAccess = &VfsCalls::access;
  base_.xFullPathname = &VfsCalls::full_pathname;
  base_.xRandomness = &VfsCalls::randomness;
  base_.xSleep = &VfsCalls::sleep;
  base_.xCurrentTime = &VfsCalls::current_time;
  base_.xCurrentTimeInt64 = &VfsCalls::current_time_int64;
  base_.xGetLastError = &VfsCalls::last_error;
  // The registry of names is SQLite's and process-wide; the name decides nothing but who is found.
  sqlite3_mutex* const registry = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_VFS1);
  sqlite3_mutex_enter(registry);
  for (std::uint64_t i = 0; name_.empty() || sqlite3_vfs_find(name_.c_str()) != nullptr; ++i)
    name_ = "lockstep-" + std::to_string(i);
  base_.zName = name_.c_str();
  CHECK(sqlite3_vfs_register(&base_, 0) == SQLITE_OK);
  sqlite3_mutex_leave(registry);
}

Vfs::~Vfs() {
  sqlite3_vfs_unregister(&base_);
}

}  // namespace lockstep::sql
