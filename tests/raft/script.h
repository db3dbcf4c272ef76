// Script: plays a transcript. A transcript is a text of commands, each a line "> COMMAND", followed
// by what it made happen. play() returns the same text with what happens now; a test compares.
//
//   > found a b c            a new cluster, all durable
//   > node d                 an empty node
//   > timeout a              the clock moves to a's deadline (if it is ahead), and a is called
//   > advance 500            the clock moves, milliseconds; nobody is called
//   > deliver [a->b|a->|->b] all such messages now under way (answers to them stay), in order
//   > last a->b              only the newest of them
//   > drop [..], twice [..]  they are lost; they are doubled
//   > persist a              a's oldest pending write is durable
//   > settle                 persist and deliver until nothing moves
//   > elect a b              long silence, then a campaigns until the votes of a and b make it
//   lead;
//                            its first appends and writes stay where they are
//   > cut c / join c         c's messages are lost from now on / no more
//   > run 700                so many milliseconds pass: all deadlines, everything settled
//   > quiet COMMAND          runs it without printing what happens
//   > propose a x y / read a / transfer a b / compact a 3
//   > add a d, learner a d, remove a b      asked of a
//   > crash a [KEPT]         pending writes are lost, but for the oldest KEPT
//   > restart a
//   > install b a 7          b crashes, takes a's state at 7 for its own and starts with that image
//   > resign a
//   > match a b              how far a knows b's log to be its own
//   > members a 4            the membership in force at entry 4 of a's log
//   > status / log / net
//   > bug NAME               simulation bug, for the rest of the transcript
//
// A promise broken in the eyes of the Oracle is printed as "VIOLATION: ...".
#pragma once

#include <set>
#include <sstream>
#include <string>

#include "cluster.h"

namespace lockstep::raft::test {

class Script {
 public:
  Script();
  ~Script();
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  std::string play(const std::string& transcript);
  [[nodiscard]] bool bug_was_on() const { return bug_was_on_; }
  [[nodiscard]] bool violated() const { return violated_; }

 private:
  void run(const std::string& line);
  bool run_fault(const std::string& verb, std::istringstream& words);
  bool run_request(const std::string& verb, std::istringstream& words);
  bool run_view(const std::string& verb, std::istringstream& words);
  void move_messages(const std::string& verb, const std::string& link);
  void timeout(const NodeId& id);
  void settle();
  void elect(const NodeId& id, std::istringstream& words);
  void pass(Duration time);
  [[nodiscard]] bool is_cut(const Message& message) const;
  void note_violation();

  Cluster cluster_;
  std::string out_;
  std::set<NodeId> cut_;
  RequestId request_ = 0;
  bool bug_was_on_ = false;
  bool violated_ = false;
};

}  // namespace lockstep::raft::test
