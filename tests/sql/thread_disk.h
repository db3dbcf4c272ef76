// A disk in memory that threads may share; SimDisk belongs to one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "env/disk.h"

namespace lockstep::sql {

class ThreadDisk final : public env::Disk {
 public:
  Result<std::unique_ptr<env::File>> open(std::string_view name, env::OpenMode mode) override;
  Status remove(std::string_view name) override {
    const std::lock_guard guard(mutex_);
    if (files_.erase(std::string(name)) == 0) return fail(Errc::not_found, std::string(name));
    return {};
  }
  Status rename(std::string_view from, std::string_view to) override {
    const std::lock_guard guard(mutex_);
    const auto found = files_.find(from);
    if (found == files_.end()) return fail(Errc::not_found, std::string(from));
    files_[std::string(to)] = found->second;
    files_.erase(found);
    return {};
  }
  Status sync_dir() override { return {}; }
  Result<std::vector<std::string>> list() override { return std::vector<std::string>(); }

 private:
  struct Content {
    std::mutex mutex;
    std::string bytes;
  };
  class Handle;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>, std::less<>> files_;
};

class ThreadDisk::Handle final : public env::File {
 public:
  explicit Handle(std::shared_ptr<Content> content) : content_(std::move(content)) {}
  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    const std::lock_guard guard(content_->mutex);
    if (offset >= content_->bytes.size()) return std::size_t{0};
    return content_->bytes.copy(into.data(), into.size(), offset);
  }
  Status write(std::uint64_t offset, std::string_view bytes) override {
    const std::lock_guard guard(content_->mutex);
    if (content_->bytes.size() < offset + bytes.size())
      content_->bytes.resize(offset + bytes.size());
    content_->bytes.replace(offset, bytes.size(), bytes);
    return {};
  }
  Status sync() override { return {}; }
  Status truncate(std::uint64_t size) override {
    const std::lock_guard guard(content_->mutex);
    content_->bytes.resize(size);
    return {};
  }
  Result<std::uint64_t> size() override {
    const std::lock_guard guard(content_->mutex);
    return content_->bytes.size();
  }

 private:
  std::shared_ptr<Content> content_;
};

inline Result<std::unique_ptr<env::File>> ThreadDisk::open(std::string_view name,
                                                           env::OpenMode mode) {
  const std::lock_guard guard(mutex_);
  auto found = files_.find(name);
  if (found == files_.end()) {
    if (mode == env::OpenMode::existing) return fail(Errc::not_found, std::string(name));
    found = files_.emplace(std::string(name), std::make_shared<Content>()).first;
  }
  return std::make_unique<Handle>(found->second);
}

}  // namespace lockstep::sql
