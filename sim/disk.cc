#include "sim/disk.h"

#include <deque>
#include <map>
#include <utility>

#include "base/check.h"
#include "sim/disk_file.h"

namespace lockstep::sim {
namespace {

using FilePtr = std::shared_ptr<FileImage>;
using Folder = std::map<std::string, FilePtr, std::less<>>;

enum class FolderChange { create, remove, rename };

struct FolderOperation {
  FolderChange change;
  std::string name;  // of `rename`: the new one
  FilePtr file;
};

// What one directory operation does to the durable folder. Legal: the operations it builds on were
// lost, so the file may stand under another name or nowhere.
void carry_out(const FolderOperation& operation, Folder& folder) {
  const auto found = folder.find(operation.name);
  switch (operation.change) {
    case FolderChange::remove:
      if (found != folder.end() && found->second == operation.file) folder.erase(found);
      return;
    case FolderChange::rename:
      std::erase_if(folder, [&](const auto& entry) { return entry.second == operation.file; });
      break;
    case FolderChange::create:
      break;
  }
  folder.insert_or_assign(operation.name, operation.file);
}

bool is_legal_name(std::string_view name) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.find_first_not_of(kLetters) == std::string_view::npos;
}

std::unexpected<Error> dead_disk() {
  return fail(Errc::io, "the process is dead");
}

}  // namespace

struct SimDisk::State {
  explicit State(Rng r) : rng(r) {}

  void tell(std::string_view op, std::string_view file, std::uint64_t offset,
            std::string_view bytes = {}) const {
    if (observer) observer(op, file, offset, bytes);
  }
  [[nodiscard]] bool dead() const { return budget && *budget == 0; }
  // Counts one mutating operation; false if the process is dead.
  bool begin() {
    if (dead()) return false;
    if (budget) --*budget;
    ++operations;
    return true;
  }
  void end_process() {
    ++process;
    budget.reset();
  }
  Status write(FileImage& file, std::uint64_t offset, std::string_view bytes);
  Status sync(FileImage& file);
  Status truncate(FileImage& file, std::uint64_t size);
  void change_folder(FolderChange change, std::string_view name, FilePtr file);
  void lose_folder(Loss loss);

  Rng rng;
  Observer observer;
  Folder folder;          // what the process sees
  Folder durable_folder;  // what a power loss leaves if it takes all of folder_pending
  std::deque<FolderOperation> folder_pending;
  std::optional<std::uint64_t> budget;
  std::uint64_t operations = 0;
  std::uint64_t process = 0;  // handles of an earlier process are void
  unsigned failing_syncs = 0;
  unsigned failing_writes = 0;
  bool full = false;
};

Status SimDisk::State::write(FileImage& file, std::uint64_t offset, std::string_view bytes) {
  if (!begin()) return dead_disk();
  const bool no_room = full && !bytes.empty() && offset + bytes.size() > file.size();
  if (failing_writes > 0 || no_room) {
    // A part of it may have arrived, and a full disk may have had a little room left.
    const bool partly = rng.chance(1, 2);
    const auto part = bytes.substr(0, partly && !bytes.empty() ? rng.below(bytes.size()) : 0);
    tell("write failed", file.name(), offset, part);
    file.write(offset, part);
    if (failing_writes == 0) return fail(Errc::no_space, "no space left on the simulated disk");
    --failing_writes;
    return fail(Errc::io, "simulated write error");
  }
  tell("write", file.name(), offset, bytes);
  file.write(offset, bytes);
  return {};
}

Status SimDisk::State::sync(FileImage& file) {
  if (!begin()) return dead_disk();
  if (failing_syncs > 0) {
    --failing_syncs;
    tell("sync failed", file.name(), 0);
    file.sync_badly(rng);
    return fail(Errc::io, "simulated sync error");
  }
  tell("sync", file.name(), 0);
  file.sync();
  return {};
}

Status SimDisk::State::truncate(FileImage& file, std::uint64_t size) {
  if (!begin()) return dead_disk();
  if (full && size > file.size()) {
    tell("truncate failed", file.name(), size);
    return fail(Errc::no_space, "no space left on the simulated disk");
  }
  tell("truncate", file.name(), size);
  file.truncate(size);
  return {};
}

// Past this many the oldest would have reached the disk long ago.
constexpr std::size_t kFolderPendingMax = 1024;

void SimDisk::State::change_folder(FolderChange change, std::string_view name, FilePtr file) {
  folder_pending.push_back({change, std::string(name), std::move(file)});
  if (folder_pending.size() <= kFolderPendingMax) return;
  carry_out(folder_pending.front(), durable_folder);
  folder_pending.pop_front();
}

void SimDisk::State::lose_folder(Loss loss) {
  const std::uint64_t prefix = loss == Loss::prefix ? rng.below(folder_pending.size() + 1) : 0;
  for (std::size_t i = 0; i < folder_pending.size(); ++i) {
    const bool kept = loss == Loss::all      ? false
                      : loss == Loss::prefix ? i < prefix
                                             : rng.chance(1, 2);
    if (kept) carry_out(folder_pending[i], durable_folder);
  }
  folder_pending.clear();
  folder = durable_folder;
  for (const auto& [name, file] : folder) file->set_name(name);
}

namespace {

// A handle of one process; void once that process ended.
template <class DiskState>
class Handle final : public env::File {
 public:
  Handle(std::shared_ptr<DiskState> disk, FilePtr file)
      : disk_(std::move(disk)), file_(std::move(file)), process_(disk_->process) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    if (is_void()) return dead_disk();
    disk_->tell("read", file_->name(), offset);
    return file_->read(offset, into);
  }
  Status write(std::uint64_t offset, std::string_view bytes) override {
    if (is_void()) return dead_disk();
    return disk_->write(*file_, offset, bytes);
  }
  Status sync() override {
    if (is_void()) return dead_disk();
    return disk_->sync(*file_);
  }
  Status truncate(std::uint64_t size) override {
    if (is_void()) return dead_disk();
    return disk_->truncate(*file_, size);
  }
  Result<std::uint64_t> size() override {
    if (is_void()) return dead_disk();
    return file_->size();
  }

 private:
  [[nodiscard]] bool is_void() const { return process_ != disk_->process || disk_->dead(); }
  std::shared_ptr<DiskState> disk_;
  FilePtr file_;
  std::uint64_t process_;
};

}  // namespace

SimDisk::SimDisk(Rng rng) : state_(std::make_shared<State>(rng)) {}
SimDisk::~SimDisk() = default;

Result<std::unique_ptr<env::File>> SimDisk::open(std::string_view name, env::OpenMode mode) {
  CHECK(is_legal_name(name));
  if (state_->dead()) return dead_disk();
  auto found = state_->folder.find(name);
  if (found == state_->folder.end()) {
    if (mode == env::OpenMode::existing) return fail(Errc::not_found, std::string(name));
    if (!state_->begin()) return dead_disk();
    state_->tell("create", name, 0);
    auto file = std::make_shared<FileImage>(std::string(name));
    state_->change_folder(FolderChange::create, name, file);
    found = state_->folder.emplace(name, std::move(file)).first;
  }
  return std::make_unique<Handle<State>>(state_, found->second);
}

Status SimDisk::remove(std::string_view name) {
  if (!state_->begin()) return dead_disk();
  const auto found = state_->folder.find(name);
  if (found == state_->folder.end()) return fail(Errc::not_found, std::string(name));
  state_->tell("remove", name, 0);
  state_->change_folder(FolderChange::remove, name, found->second);
  state_->folder.erase(found);
  return {};
}

Status SimDisk::rename(std::string_view from, std::string_view to) {
  CHECK(is_legal_name(to));
  if (!state_->begin()) return dead_disk();
  const auto found = state_->folder.find(from);
  if (found == state_->folder.end()) return fail(Errc::not_found, std::string(from));
  state_->tell("rename", from, 0, to);
  if (from == to) return {};
  FilePtr file = found->second;
  file->set_name(std::string(to));
  state_->change_folder(FolderChange::rename, to, file);
  state_->folder.erase(found);
  state_->folder.insert_or_assign(std::string(to), std::move(file));
  return {};
}

Status SimDisk::sync_dir() {
  if (!state_->begin()) return dead_disk();
  state_->tell("sync_dir", "", 0);
  for (const auto& operation : state_->folder_pending) carry_out(operation, state_->durable_folder);
  state_->folder_pending.clear();
  return {};
}

Result<std::vector<std::string>> SimDisk::list() {
  if (state_->dead()) return dead_disk();
  std::vector<std::string> names;
  for (const auto& [name, file] : state_->folder) names.push_back(name);
  return names;
}

void SimDisk::observe(Observer observer) {
  state_->observer = std::move(observer);
}
void SimDisk::crash_after(std::optional<std::uint64_t> operations) {
  state_->budget = operations;
}
bool SimDisk::dead() const {
  return state_->dead();
}
std::uint64_t SimDisk::operations() const {
  return state_->operations;
}

void SimDisk::kill_process() {
  state_->tell("kill_process", "", 0);
  state_->end_process();
}

void SimDisk::lose_power(Loss loss) {
  state_->tell("lose_power", "", static_cast<std::uint64_t>(loss));
  state_->end_process();
  state_->lose_folder(loss);
  for (const auto& [name, file] : state_->folder) file->lose(loss, state_->rng);
}

void SimDisk::fail_syncs(unsigned count) {
  state_->failing_syncs = count;
}
void SimDisk::fail_writes(unsigned count) {
  state_->failing_writes = count;
}
void SimDisk::set_full(bool full) {
  state_->full = full;
}

void SimDisk::flip_bit(std::string_view name, std::uint64_t offset, unsigned bit) {
  const auto found = state_->folder.find(name);
  CHECK(found != state_->folder.end());
  state_->tell("flip_bit", name, offset * 8 + bit);
  found->second->flip_bit(offset, bit);
}

std::optional<std::string> SimDisk::contents(std::string_view name) const {
  const auto found = state_->folder.find(name);
  if (found == state_->folder.end()) return std::nullopt;
  std::string bytes(found->second->size(), '\0');
  CHECK(found->second->read(0, bytes) == bytes.size());
  return bytes;
}

void SimDisk::wipe() {
  state_->tell("wipe", "", 0, "");
  state_->folder_pending.clear();
  state_->folder.clear();
  state_->durable_folder.clear();
}

void SimDisk::put(std::string_view name, std::string bytes) {
  CHECK(is_legal_name(name));
  state_->tell("put", name, bytes.size(), bytes);
  auto file = std::make_shared<FileImage>(std::string(name));
  file->write(0, bytes);
  file->sync();
  std::erase_if(state_->folder_pending,
                [&](const FolderOperation& operation) { return operation.name == name; });
  state_->folder.insert_or_assign(std::string(name), file);
  state_->durable_folder.insert_or_assign(std::string(name), file);
}

}  // namespace lockstep::sim
