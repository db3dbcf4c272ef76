// Repair: what a node does whose storage is damaged and cannot be opened, before it is a node
// again. A damaged batch of the log is fetched from whoever has its entries, and put back byte for
// byte; a damaged database, or a log that nobody can complete any more, is replaced by an image of
// a peer's. Meanwhile the node takes no part in consensus: to the others it is down. What it had
// promised stays promised: nothing of the log is dropped that an image does not hold
// (protocol-aware recovery, Alagappan et al., FAST'18).
//
// What cannot be repaired from peers is not: a vote file with both copies damaged, a log whose
// damaged entries no peer holds. The node then stays down, and says so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "env/env.h"
#include "node/image_fetcher.h"
#include "node/node.h"
#include "node/overdue.h"
#include "node/ticker.h"
#include "storage/raft_log.h"

namespace lockstep::node {

class Repair {
 public:
  // Everything mended: open the node again. Or a final failure of the disk.
  using DoneFn = std::function<void(Status)>;

  // After Node::open() failed with Errc::corrupt, or a running node ended with End::Kind::repair
  // (`damaged_database`: true for the latter). Looks at the disk, synchronously, before any turn.
  // Fails with `original` if there is nobody to ask or nothing that peers could mend.
  static Result<std::unique_ptr<Repair>> plan(env::Env env, const NodeOptions& options,
                                              bool damaged_database, Error original);
  ~Repair();

  // Turns from here on. `done` is called once, not inside the call; the owner then destroys this.
  void start(DoneFn done);
  // A frame arrived from the network.
  void receive(std::string_view frame);

 private:
  struct Peer {
    NodeId id;
    std::string address;
  };
  Repair(env::Env env, const NodeOptions& options);

  void look();
  void go_on();
  void say_what_is_missing();
  void ask_for_entries();
  void on_entries(const NodeId& from, wire::LogReply reply);
  void fetch_image();
  void image_fetched(Result<ImageFetcher::Fetched> fetched);
  void finish(Status status);
  void post(const NodeId& to, wire::FrameBody body);
  const Peer& next_peer();

  env::Env env_;
  const NodeId self_;
  const std::string raft_addr_;
  const std::uint32_t run_;
  ClusterId cluster_;  // nil: one without a name
  std::vector<Peer> peers_;
  ImageFetcher fetcher_;
  DoneFn done_;
  bool database_damaged_ = false;
  std::optional<storage::LogDamage> damage_;
  storage::Covered durable_;  // by the database, as far as its manifest can be read
  LogIndex least_;            // an image must stand here or later
  std::size_t turn_ = 0;      // which peer is asked next
  std::size_t without_ = 0;   // peers in a row that do not have the entries
  std::uint64_t last_id_ = 0;
  std::set<std::uint64_t> asked_;  // ids of the newest asks that are not answered, for this damage
  bool working_ = false;           // a job on a lane is under way
  bool finished_ = false;
  Ticker ticker_;
  Overdue overdue_;
  Lifeline life_;
};

}  // namespace lockstep::node
