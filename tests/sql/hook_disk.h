// A disk that tells somebody before it changes: where a test lets another lane do something in the
// middle of a job, without threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "env/disk.h"

namespace lockstep::sql {

class HookDisk final : public env::Disk {
 public:
  // Called with "write", "sync" or "truncate" and the file's name.
  using Hook = std::function<void(std::string_view op, std::string_view file)>;

  explicit HookDisk(env::Disk& below) : below_(below) {}
  Hook before;

  Result<std::unique_ptr<env::File>> open(std::string_view name, env::OpenMode mode) override;
  Status remove(std::string_view name) override { return below_.remove(name); }
  Status rename(std::string_view from, std::string_view to) override {
    return below_.rename(from, to);
  }
  Status sync_dir() override { return below_.sync_dir(); }
  Result<std::vector<std::string>> list() override { return below_.list(); }

 private:
  class Handle;
  env::Disk& below_;
};

}  // namespace lockstep::sql
