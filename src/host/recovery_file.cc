#include "host/recovery_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "host/address.h"

namespace lockstep::host {

namespace {

constexpr std::size_t kFileBytesMax = 1u << 20;

std::string folder_of(const std::string& data_folder) {
  return data_folder + "/raft";
}
std::string path_of(const std::string& data_folder) {
  return folder_of(data_folder) + "/peers.json";
}

std::unexpected<Error> trouble(const std::string& path, std::string_view what) {
  return fail(Errc::io, path + " " + std::string(what) + ": " + std::strerror(errno));
}

// A misspelt name must not silently mean something else: unknown ones are refused.
Result<raft::Member> parse_member(const boost::json::value& value) {
  const auto bad = [](std::string what) { return fail(Errc::invalid, std::move(what)); };
  const auto* object = value.if_object();
  if (object == nullptr) return bad("every member must be an object");
  raft::Member member;
  for (const auto& [key, field] : *object) {
    if (key == "id" && field.is_string()) {
      member.id.value = field.get_string();
    } else if (key == "address" && field.is_string()) {
      member.address = field.get_string();
    } else if (key == "non_voter" && field.is_bool()) {
      member.voter = !field.get_bool();
    } else {
      return bad("unexpected \"" + std::string(key) +
                 R"(": a member has an "id", an "address" and maybe "non_voter": true)");
    }
  }
  if (member.id.value.empty()) return bad("a member has no id");
  const auto address = parse_host_port(member.address);
  if (!address) return bad("member " + member.id.value + ": " + address.error().text);
  if (is_wildcard(*address) || address->port == 0)
    return bad("member " + member.id.value + ": nobody can be reached at " + member.address);
  return member;
}

Result<std::string> read_whole(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail(errno == ENOENT || errno == ENOTDIR ? Errc::not_found : Errc::io,
                path + " cannot be opened: " + std::strerror(errno));
  std::string text;
  std::array<char, 4096> chunk{};
  ssize_t size = 0;
  while ((size = ::read(fd, chunk.data(), chunk.size())) > 0 && text.size() <= kFileBytesMax)
    text.append(chunk.data(), static_cast<std::size_t>(size));
  const int error = errno;
  ::close(fd);
  errno = error;
  if (size < 0) return trouble(path, "cannot be read");
  return text;
}

Status check_self(const raft::Membership& members, const NodeId& self,
                  const std::string& raft_addr) {
  const auto* member = members.find(self);
  if (member == nullptr)
    return fail(Errc::invalid, "this node, " + self.value + ", is not among the members");
  if (member->address != raft_addr)
    return fail(Errc::invalid, "this node, " + self.value + ", is reached at " + raft_addr +
                                   ", not at " + member->address);
  return {};
}

}  // namespace

Result<raft::Membership> parse_recovery_members(std::string_view text) {
  boost::json::error_code problem;
  const auto parsed = boost::json::parse({text.data(), text.size()}, problem);
  if (problem) return fail(Errc::invalid, "not JSON: " + problem.message());
  const auto* list = parsed.if_array();
  if (list == nullptr || list->empty())
    return fail(Errc::invalid, "must be an array with at least one member");
  raft::Membership members;
  for (const auto& each : *list) {
    TRY_ASSIGN(raft::Member member, parse_member(each));
    for (const auto& other : members.members) {
      if (other.id == member.id)
        return fail(Errc::invalid, "id " + member.id.value + " is there twice");
      if (other.address == member.address)
        return fail(Errc::invalid, "address " + member.address + " is there twice");
    }
    members.put(std::move(member));
  }
  if (members.voter_count() == 0)
    return fail(Errc::invalid, "at least one member must have a vote");
  return members;
}

Result<std::optional<raft::Membership>> read_recovery_file(const std::string& data_folder,
                                                           const NodeId& self,
                                                           const std::string& raft_addr) {
  const std::string path = path_of(data_folder);
  auto text = read_whole(path);
  if (!text && text.error().code == Errc::not_found) return std::nullopt;
  if (!text) return std::unexpected(std::move(text).error());
  const auto named = [&](const Error& error) { return fail(error.code, path + ": " + error.text); };
  auto members = parse_recovery_members(*text);
  if (!members) return named(members.error());
  if (const auto fits = check_self(*members, self, raft_addr); !fits) return named(fits.error());
  return std::move(*members);
}

bool is_recovered(const node::NodeStatus& status, const raft::Membership& members) {
  if (!status.leader || status.recovering) return false;
  return std::ranges::equal(status.members, members.members,
                            [](const node::PeerStatus& there, const raft::Member& wanted) {
                              return there.member.id == wanted.id &&
                                     there.member.address == wanted.address &&
                                     there.member.voter == wanted.voter;
                            });
}

Status finish_recovery_file(const std::string& data_folder) {
  const std::string folder = folder_of(data_folder);
  if (::rename(path_of(data_folder).c_str(), (folder + "/peers.info").c_str()) != 0)
    return trouble(path_of(data_folder), "cannot be renamed");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return trouble(folder, "cannot be opened");
  const int failed = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  errno = failed;
  if (failed != 0) return trouble(folder, "cannot be synced");
  return {};
}

}  // namespace lockstep::host
