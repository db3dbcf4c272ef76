// SimDisk: a disk in memory that forgets what a real one may forget. Every file is a durable image
// plus the ordered list of operations since its last sync; directory entries (create, remove,
// rename) are separate and need sync_dir(). A crash then keeps all pending operations (process
// kill), or loses a drawn part of them (power loss): all, a prefix, any subset of whole writes, or
// any subset of 512-byte or 4-KiB sectors, with size before data or data before size.
//
// One SimDisk belongs to one simulated machine and outlives the crashes of its process.
// Single-threaded. Every draw comes from its own generator; every operation is reported to the
// observer, for the trace hash.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "env/disk.h"

namespace lockstep::sim {

// What a power loss does to operations that were not synced.
enum class Loss { all, prefix, subset, torn_512, torn_4096 };

class SimDisk final : public env::Disk {
 public:
  // Called for every operation: its name ("write", "sync", ...), the file, offset (or size), and
  // the bytes written ("" if none).
  using Observer = std::function<void(std::string_view op, std::string_view file,
                                      std::uint64_t offset, std::string_view bytes)>;

  explicit SimDisk(Rng rng);
  ~SimDisk() override;

  Result<std::unique_ptr<env::File>> open(std::string_view name, env::OpenMode mode) override;
  Status remove(std::string_view name) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status sync_dir() override;
  Result<std::vector<std::string>> list() override;

  void observe(Observer observer);

  // A crash inside a job: after `operations` more mutating operations (write, sync, truncate,
  // create, remove, rename, sync_dir) every later call fails with Errc::io and changes nothing,
  // until crash(). nullopt: no limit.
  void crash_after(std::optional<std::uint64_t> operations);
  // The budget of crash_after() is used up: the process on this disk is as good as dead.
  [[nodiscard]] bool dead() const;
  // Mutating operations so far.
  [[nodiscard]] std::uint64_t operations() const;

  // The process ends: all its handles are void (calls on them fail). Pending operations survive.
  void kill_process();
  // The machine loses power: as kill_process(), and pending operations are lost as `loss` says.
  void lose_power(Loss loss);

  // The next `count` syncs fail with Errc::io after losing (or, by draw, keeping) the pending
  // operations of that file; a later sync succeeds whatever was lost, as Linux may (faults.md 1.2).
  void fail_syncs(unsigned count);
  // The next `count` writes fail with Errc::io.
  void fail_writes(unsigned count);
  // While true, operations that grow a file fail with Errc::no_space.
  void set_full(bool full);
  // Bit rot at rest: flips one bit of the current and the durable image. Precondition: the byte
  // exists.
  void flip_bit(std::string_view name, std::uint64_t offset, unsigned bit);

  // The disk is replaced by an empty one. Precondition: no process uses it.
  void wipe();

  // Current contents as a process would read them; nullopt if absent. For oracles and tests.
  [[nodiscard]] std::optional<std::string> contents(std::string_view name) const;
  // Replaces the durable and current contents (creates the file). For tests.
  void put(std::string_view name, std::string bytes);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lockstep::sim
