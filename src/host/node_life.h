// NodeLife: the node of this process, through all its lives. It opens the storage, lets peers mend
// it if it is damaged (node/repair.h), finds the cluster to join, and starts the node; when the
// node ends because an image waits to become its database, or because its database is damaged, it
// does so again. The ports know nothing of this: between two lives they stay open, requests are
// refused and frames are lost.
//
// Strand thread only; everything here is a turn.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "api/handler.h"
#include "env/disk.h"
#include "env/peers.h"
#include "host/flags.h"
#include "host/node_options.h"
#include "node/lifeline.h"
#include "node/node.h"

namespace lockstep::host {

class Loop;

class NodeLife {
 public:
  struct Options {
    Config config;
    Advertised advertised;
    std::uint64_t seed = 0;
    ClusterId new_cluster = {};                    // the name of a cluster that this node may found
    std::function<api::HandlerOptions()> handler;  // for each life; `turns` is filled in here
    // The members to go on with after a lost quorum, until forget_recovery().
    std::optional<raft::Membership> recover_members = {};
  };
  // None of them may destroy this object.
  struct Events {
    std::function<void()> opened;              // node() and handler() are there, and started
    std::function<void()> closing;             // both go now; called after each `opened`
    std::function<void(const Error&)> failed;  // there will be no other life
  };

  // The references outlive this object.
  NodeLife(Loop& loop, LogSink& log, env::Disk& disk, env::Peers& peers, Options options,
           Events events);
  ~NodeLife();  // stop()
  NodeLife(const NodeLife&) = delete;
  NodeLife& operator=(const NodeLife&) = delete;

  // The first life begins. Takes as long as the storage takes to be read.
  void begin();
  // A frame arrived. Lost if nobody is there.
  void receive(std::string_view frame);

  // Null while no node runs.
  [[nodiscard]] node::Node* node() const;
  [[nodiscard]] api::Handler* handler() const;

  // The recovery is done; a later life opens what it finds.
  void forget_recovery() { options_.recover_members.reset(); }
  // Should the node end by itself from now on, no other follows.
  void be_the_last() { last_ = true; }
  // Ends whatever is there: waits for running jobs, then drops the rest. No event comes afterwards.
  void stop();

 private:
  struct Life;
  void open();
  void open_again();
  Status open_node(std::vector<std::string> join);
  void resolve(Duration give_up_after, std::function<void(Result<std::vector<std::string>>)> done);
  void resolve_and_join();
  void look_for_others();
  [[nodiscard]] Duration time_to_form() const;
  void cannot_open(const Error& error);
  void repair(const Error& damage);
  void repaired(const Status& status);
  void serve();
  void ended(const node::End& end);
  [[nodiscard]] node::NodeOptions options_of_this_life() const;

  Loop& loop_;
  LogSink& log_;
  env::Disk& disk_;
  env::Peers& peers_;
  Options options_;
  Events events_;
  std::unique_ptr<Life> life_;
  std::uint64_t lives_ = 0;
  TimePoint began_{};
  std::optional<Error> damage_;  // that the last node found in its database
  bool last_ = false;
  node::Lifeline alive_;
};

}  // namespace lockstep::host
