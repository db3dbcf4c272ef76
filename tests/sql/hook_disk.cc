#include "tests/sql/hook_disk.h"

namespace lockstep::sql {

class HookDisk::Handle final : public env::File {
 public:
  Handle(HookDisk& disk, std::string name, std::unique_ptr<env::File> below)
      : disk_(disk), name_(std::move(name)), below_(std::move(below)) {}
  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    return below_->read(offset, into);
  }
  Status write(std::uint64_t offset, std::string_view bytes) override {
    tell("write");
    return below_->write(offset, bytes);
  }
  Status sync() override {
    tell("sync");
    return below_->sync();
  }
  Status truncate(std::uint64_t size) override {
    tell("truncate");
    return below_->truncate(size);
  }
  Result<std::uint64_t> size() override { return below_->size(); }

 private:
  void tell(std::string_view op) {
    if (disk_.before) disk_.before(op, name_);
  }
  HookDisk& disk_;
  const std::string name_;
  std::unique_ptr<env::File> below_;
};

Result<std::unique_ptr<env::File>> HookDisk::open(std::string_view name, env::OpenMode mode) {
  TRY_ASSIGN(auto file, below_.open(name, mode));
  return std::make_unique<Handle>(*this, std::string(name), std::move(file));
}

}  // namespace lockstep::sql
