#include "node/repair.h"

#include <utility>

#include "base/bugs.h"
#include "base/check.h"
#include "sql/database.h"
#include "storage/known_members.h"
#include "storage/manifest.h"
#include "storage/vote_file.h"
#include "wire/frames.h"

namespace lockstep::node {
namespace {

constexpr Duration kRetryInterval = milliseconds(500);
constexpr std::size_t kAsksMax = 64;  // an answer may take many intervals to come

struct Found {
  storage::Covered durable;
  Result<std::optional<storage::LogDamage>> damage;
};

// What the log lacks, given what the database holds.
Found look_at_log(env::Disk& disk) {
  storage::Covered durable;
  if (auto manifest = storage::Manifest::open(disk); manifest && (*manifest)->current())
    durable = storage::covered_by(*(*manifest)->current());
  auto damage = storage::find_log_damage(disk, durable);
  return {std::move(durable), std::move(damage)};
}

}  // namespace

Repair::Repair(env::Env env, const NodeOptions& options)
    : env_(env),
      self_(options.self),
      raft_addr_(options.raft_addr),
      run_(static_cast<std::uint32_t>(Rng(options.seed).derive("repair").next())),
      fetcher_(
          env, {.run = run_, .piece_bytes = options.image_piece_bytes},
          [this](const NodeId& to, wire::FrameBody body) { post(to, std::move(body)); },
          [this](auto fetched) { image_fetched(std::move(fetched)); }),
      last_id_(std::uint64_t{run_} << 32),
      ticker_(env, kRetryInterval, [this] { go_on(); }),
      overdue_(env, "repair") {}

Repair::~Repair() = default;

Result<std::unique_ptr<Repair>> Repair::plan(env::Env env, const NodeOptions& options,
                                             bool damaged_database, Error original) {
  std::unique_ptr<Repair> repair(new Repair(env, options));
  const raft::Membership known = storage::known_members(env.disk);
  repair->cluster_ = known.cluster;
  for (const auto& member : known.members)
    if (member.id != options.self) repair->peers_.push_back({member.id, member.address});
  if (repair->peers_.empty()) return std::unexpected(std::move(original));

  // Nobody else knows what this node has voted. Whatever else is damaged, it stays down.
  if (auto vote = storage::VoteFile::open(env.disk, options.self); !vote)
    return std::unexpected(std::move(vote).error());
  auto found = look_at_log(env.disk);
  if (!found.damage) return std::unexpected(std::move(found.damage).error());
  repair->durable_ = found.durable;
  repair->damage_ = std::move(*found.damage);
  repair->database_damaged_ = damaged_database;
  if (!damaged_database) {
    auto opened = sql::Database::open(env.disk, options.database);
    if (!opened && opened.error().code != Errc::corrupt)
      return std::unexpected(std::move(opened).error());
    repair->database_damaged_ = !opened;
  }
  storage::LogOptions log_options = options.log;
  log_options.durable = found.durable;
  if (!repair->damage_) {
    // An image must lead on to where this log begins.
    auto log = storage::RaftLog::open(env.disk, log_options);
    if (!log) return std::unexpected(std::move(log).error());
    repair->least_ = std::max(log->recovered.base.index, LogIndex{1});
    const LogIndex durable = found.durable.index;
    const bool behind = durable < log->recovered.base.index;
    const bool beyond = durable > log->recovered.base.index + log->recovered.terms.size();
    if (beyond && !repair->database_damaged_) return std::unexpected(std::move(original));
    if (behind) repair->database_damaged_ = true;
  }
  // With nothing to mend, opening would fail again as it did, and so for ever.
  if (!repair->damage_ && !repair->database_damaged_) return std::unexpected(std::move(original));
  return repair;
}

void Repair::start(DoneFn done) {
  done_ = std::move(done);
  env_.log.write(LogLevel::warning, "repair",
                 damage_ ? "asking other nodes for what the log lost: " + damage_->text
                         : std::string("asking other nodes for an image of the database"));
  ticker_.poke();
}

void Repair::receive(std::string_view bytes) {
  auto frame = wire::decode_frame(bytes);
  if (!frame || frame->to != self_ || frame->cluster != cluster_ || finished_) return;
  if (auto* reply = std::get_if<wire::ImageReply>(&frame->body))
    return fetcher_.on_reply(frame->from, std::move(*reply));
  if (auto* reply = std::get_if<wire::LogReply>(&frame->body))
    return on_entries(frame->from, std::move(*reply));
}

// Looks again at what is still broken, on the lane that owns the log.
void Repair::look() {
  working_ = true;
  env::run_on(
      env_.lanes, {env::LaneKind::log, 0}, [this] { return look_at_log(env_.disk); },
      life_.guard([this](Found found) {
        working_ = false;
        if (!found.damage) return finish(std::unexpected(std::move(found.damage).error()));
        durable_ = std::move(found.durable);
        damage_ = std::move(*found.damage);
        without_ = 0;
        asked_.clear();
        overdue_.over();
        ticker_.poke();
      }));
}

// One step. The ticker sees to it that another one follows, whatever became of the last.
void Repair::go_on() {
  if (finished_) return ticker_.stop();
  if (working_ && LOCKSTEP_BUG(repair_timer_lost)) ticker_.stop();
  if (working_) return;
  say_what_is_missing();
  if (!damage_ && !database_damaged_) return finish({});
  const bool nobody_has_them = damage_ && (damage_->count == 0 || without_ >= 2 * peers_.size());
  // What an image says of the log has been looked at already, and more than that no other can say.
  if (nobody_has_them && damage_->image_from <= durable_.index && !durable_.membership.empty())
    return finish(
        fail(Errc::corrupt, "an image does not make up for what the log lost: " + damage_->text));
  if (damage_ && !nobody_has_them) {
    ask_for_entries();
  } else {
    if (damage_) least_ = std::max(least_, damage_->image_from);
    fetch_image();
  }
}

void Repair::say_what_is_missing() {
  std::string from;
  for (const Peer& peer : peers_) from += (from.empty() ? "" : ", ") + peer.id.value;
  if (!damage_) return overdue_.waits("still without an image of the database from " + from);
  overdue_.waits("still without what the log lost (entries from " + to_string(damage_->first) +
                 ", or an image of index " + to_string(damage_->image_from) + " or later) from " +
                 from);
}

const Repair::Peer& Repair::next_peer() {
  return peers_[turn_++ % peers_.size()];
}

void Repair::ask_for_entries() {
  asked_.insert(++last_id_);
  if (asked_.size() > kAsksMax) asked_.erase(asked_.begin());
  post(next_peer().id, wire::LogAsk{last_id_, damage_->first, damage_->count});
}

void Repair::on_entries(const NodeId&, wire::LogReply reply) {
  if (working_ || !damage_ || asked_.erase(reply.id) == 0 || reply.first != damage_->first) return;
  if (reply.entries.size() != damage_->count) {
    ++without_;
    return;
  }
  working_ = true;
  env::run_on(
      env_.lanes, {env::LaneKind::log, 0},
      [this, durable = durable_, entries = std::move(reply.entries)] {
        return storage::repair_log(env_.disk, durable, entries);
      },
      life_.guard([this](Status status) {
        working_ = false;
        // Refused: that peer's entries are others.
        if (!status && status.error().code != Errc::refused) return finish(std::move(status));
        if (!status) {
          ++without_;
          return;
        }
        env_.log.write(LogLevel::info, "repair", "a batch of the log is whole again");
        look();
      }));
}

void Repair::fetch_image() {
  if (fetcher_.busy()) return;
  fetcher_.fetch(next_peer().id, std::max(least_, LogIndex{1}));
}

void Repair::image_fetched(Result<ImageFetcher::Fetched> fetched) {
  if (!fetched) return;  // The next peer is asked after a while.
  working_ = true;
  env::run_on(
      env_.lanes, {env::LaneKind::image, 0},
      [this, image = std::move(*fetched)] {
        return sql::install_image(env_.disk, image.label, image.membership);
      },
      life_.guard([this](Status status) {
        working_ = false;
        const bool again = !status && (status.error().code == Errc::corrupt ||
                                       status.error().code == Errc::no_space);
        if (again)
          return env_.log.write(LogLevel::error, "image", "not installed: " + status.error().text);
        if (!status) return finish(std::move(status));
        database_damaged_ = false;
        look();
      }));
}

void Repair::finish(Status status) {
  if (std::exchange(finished_, true)) return;
  ticker_.stop();
  env_.turns.post(life_.guard([this, status = std::move(status)] { done_(status); }));
}

void Repair::post(const NodeId& to, wire::FrameBody body) {
  for (const Peer& peer : peers_) {
    if (peer.id != to) continue;
    env_.peers.send(peer.address, wire::encode_frame({.from = self_,
                                                      .to = to,
                                                      .body = std::move(body),
                                                      .reply_to = raft_addr_,
                                                      .cluster = cluster_}));
  }
}

}  // namespace lockstep::node
