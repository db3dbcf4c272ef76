// The file half of the VFS: reads and writes go to env::File, locks and shared memory to the
// LockTable. SQLite's own xSync is never asked for (synchronous=OFF): durable points sync.
#include <cstring>

#include "base/check.h"
#include "sql/vfs.h"

namespace lockstep::sql {
namespace {

OpenFile& self(sqlite3_file* file) {
  return *reinterpret_cast<SqliteFile*>(file)->open;
}

int failed(OpenFile& file, Error error, int code) {
  // A full disk is no failure that lasts.
  if (error.code == Errc::no_space) {
    if (file.access == FileAccess::write) file.files.disk_was_full = true;
    return SQLITE_FULL;
  }
  file.files.locks().note_failure(std::move(error));
  return code;
}

int refused(OpenFile& file, const char* what) {
  return failed(file, Error{Errc::io, std::string("guard: ") + what}, SQLITE_IOERR_WRITE);
}

// Why a write or truncation at `offset` must not happen; nullptr if it may.
const char* guard(const OpenFile& file, std::uint64_t offset) {
  if (file.access == FileAccess::read) return "a reading connection writes";
  if (file.is_main)
    return file.files.guard().main_is_open() ? nullptr : "main file written outside a checkpoint";
  if (file.access == FileAccess::copy) return "a checkpoint writes the WAL";
  const bool restarts = offset == 0;
  return restarts && file.files.guard().wal_is_protected() ? "WAL restarted under a durable point"
                                                           : nullptr;
}

int close(sqlite3_file* base) {
  OpenFile& file = self(base);
  file.files.locks().unmap(file.locks);
  file.files.locks().unlock_file(file.locks, FileLock::none);
  delete &file;
  return SQLITE_OK;
}

int read(sqlite3_file* base, void* into, int bytes, sqlite3_int64 offset) {
  OpenFile& file = self(base);
  const std::span<char> buffer(static_cast<char*>(into), static_cast<std::size_t>(bytes));
  const auto at = static_cast<std::uint64_t>(offset);
  auto got = file.is_main ? file.file->read(at, buffer)
                          : file.files.wal_tail().read(*file.file, at, buffer);
  if (!got) {
    const bool corrupt = got.error().code == Errc::corrupt;
    return failed(file, std::move(got).error(), corrupt ? SQLITE_IOERR_DATA : SQLITE_IOERR_READ);
  }
  if (*got == buffer.size()) return SQLITE_OK;
  std::memset(buffer.data() + *got, 0, buffer.size() - *got);
  return SQLITE_IOERR_SHORT_READ;
}

// Takes a write that found no room into memory, if its batch cannot be undone any more.
Status keep_in_tail(OpenFile& file, std::uint64_t offset, std::string_view bytes, Error full) {
  DatabaseFiles& files = file.files;
  if (files.wal_index().frames == files.batch_begins_at) return std::unexpected(std::move(full));
  TRY_ASSIGN(const std::uint64_t size, file.file->size());
  if (offset + bytes.size() <= size) return fail(Errc::io, "no space to write within the WAL");
  // A part of it may stand there.
  if (offset < size) TRY(file.file->truncate(offset));
  files.wal_tail().begin(offset);
  CHECK(files.wal_tail().write(offset, bytes) == 0);
  return {};
}

Status write_wal(OpenFile& file, std::uint64_t offset, std::string_view bytes) {
  if (offset == 0) file.files.wal_tail().clear();
  bytes = bytes.substr(0, file.files.wal_tail().write(offset, bytes));
  if (file.files.wal_tail().is_too_long())
    return fail(Errc::io, "no space for the rest of a batch that is committed in part");
  if (bytes.empty()) return {};
  auto done = file.file->write(offset, bytes);
  if (done || done.error().code != Errc::no_space) return done;
  return keep_in_tail(file, offset, bytes, std::move(done).error());
}

int write(sqlite3_file* base, const void* from, int bytes, sqlite3_int64 offset) {
  OpenFile& file = self(base);
  const auto at = static_cast<std::uint64_t>(offset);
  if (const char* why = guard(file, at)) return refused(file, why);
  const std::string_view buffer(static_cast<const char*>(from), static_cast<std::size_t>(bytes));
  auto done = file.is_main ? file.file->write(at, buffer) : write_wal(file, at, buffer);
  if (!done) return failed(file, std::move(done).error(), SQLITE_IOERR_WRITE);
  return SQLITE_OK;
}

int truncate(sqlite3_file* base, sqlite3_int64 size) {
  OpenFile& file = self(base);
  if (const char* why = guard(file, 0)) return refused(file, why);
  if (!file.is_main) file.files.wal_tail().clear();
  auto done = file.file->truncate(static_cast<std::uint64_t>(size));
  if (!done) return failed(file, std::move(done).error(), SQLITE_IOERR_TRUNCATE);
  return SQLITE_OK;
}

int sync(sqlite3_file* base, int) {
  OpenFile& file = self(base);
  auto done = file.file->sync();
  if (!done) return failed(file, std::move(done).error(), SQLITE_IOERR_FSYNC);
  return SQLITE_OK;
}

int file_size(sqlite3_file* base, sqlite3_int64* out) {
  OpenFile& file = self(base);
  auto size = file.is_main ? file.file->size() : file.files.wal_tail().size(*file.file);
  if (!size) return failed(file, std::move(size).error(), SQLITE_IOERR_FSTAT);
  *out = static_cast<sqlite3_int64>(*size);
  return SQLITE_OK;
}

int lock(sqlite3_file* base, int level) {
  OpenFile& file = self(base);
  return file.files.locks().lock_file(file.locks, static_cast<FileLock>(level)) ? SQLITE_OK
                                                                                : SQLITE_BUSY;
}

int unlock(sqlite3_file* base, int level) {
  OpenFile& file = self(base);
  file.files.locks().unlock_file(file.locks, static_cast<FileLock>(level));
  return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* base, int* out) {
  *out = self(base).files.locks().is_reserved() ? 1 : 0;
  return SQLITE_OK;
}

int file_control(sqlite3_file* base, int operation, void*) {
  OpenFile& file = self(base);
  if (operation == SQLITE_FCNTL_CKPT_START && file.access == FileAccess::copy)
    file.files.on_copy_start();
  return SQLITE_NOTFOUND;
}

int sector_size(sqlite3_file*) {
  return static_cast<int>(kPageBytes);
}

// Nothing is claimed that the simulated disk does not model.
int device_characteristics(sqlite3_file*) {
  return 0;
}

int shm_map(sqlite3_file* base, int number, int bytes, int extend, void volatile** out) {
  OpenFile& file = self(base);
  if (bytes != LockTable::kRegionBytes) return SQLITE_IOERR_SHMMAP;
  *out = file.files.locks().map(file.locks, static_cast<std::size_t>(number), extend != 0);
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* base, int first, int count, int flags) {
  OpenFile& file = self(base);
  LockTable& locks = file.files.locks();
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    locks.unlock_slots(file.locks, first, count);
    return SQLITE_OK;
  }
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  // The slots of all that read the WAL, at once: SQLite is about to start it again.
  constexpr int kFirstReader = 4;
  const bool restarts = exclusive && first == kFirstReader && first + count == LockTable::kSlots;
  if (restarts && file.files.guard().wal_is_protected()) return SQLITE_BUSY;
  return locks.lock_slots(file.locks, first, count, exclusive) ? SQLITE_OK : SQLITE_BUSY;
}

void shm_barrier(sqlite3_file* base) {
  self(base).files.locks().barrier();
}

int shm_unmap(sqlite3_file* base, int) {
  OpenFile& file = self(base);
  file.files.locks().unmap(file.locks);
  return SQLITE_OK;
}

}  // namespace

const sqlite3_io_methods* file_methods() {
  static constexpr sqlite3_io_methods kMethods{.iVersion = 2,
                                               .xClose = &close,
                                               .xRead = &read,
                                               .xWrite = &write,
                                               .xTruncate = &truncate,
                                               .xSync = &sync,
                                               .xFileSize = &file_size,
                                               .xLock = &lock,
                                               .xUnlock = &unlock,
                                               .xCheckReservedLock = &check_reserved_lock,
                                               .xFileControl = &file_control,
                                               .xSectorSize = &sector_size,
                                               .xDeviceCharacteristics = &device_characteristics,
                                               .xShmMap = &shm_map,
                                               .xShmLock = &shm_lock,
                                               .xShmBarrier = &shm_barrier,
                                               .xShmUnmap = &shm_unmap,
                                               .xFetch = nullptr,
                                               .xUnfetch = nullptr};
  return &kMethods;
}

}  // namespace lockstep::sql
