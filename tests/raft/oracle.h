// Oracle: Raft's promises (dissertation, figure 3.2) watched from outside all nodes. It knows every
// entry ever appended and every commit ever claimed, and keeps the first broken promise.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "raft/core.h"

namespace lockstep::raft::test {

class Oracle {
 public:
  // Log matching: the same (index, term) is the same entry after the same predecessor.
  void appended(const NodeId& node, const Entry& entry, Term before);
  // Election safety, and leader completeness: `log` is the new leader's, from index 1.
  void leads(const NodeId& node, Term term, const std::vector<Entry>& log);
  // State machine safety: whoever commits an index commits the same entry. `term`: of the node.
  void committed(const NodeId& node, const Entry& entry, Term term);
  void read_asked(RequestId id) { reads_[id] = highest_commit(); }
  // Linearizable: sees at least what anybody had committed when the read was asked.
  void read_granted(RequestId id, LogIndex index);

  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  [[nodiscard]] LogIndex highest_commit() const {
    return commits_.empty() ? LogIndex{} : commits_.rbegin()->first;
  }

 private:
  struct Seen {
    Entry entry;
    Term before;
  };
  struct Commit {
    Entry entry;
    Term by;  // the term in which it was first found committed
  };
  void broken(std::string what);

  std::map<std::pair<LogIndex, Term>, Seen> entries_;
  std::map<Term, NodeId> leaders_;
  std::map<LogIndex, Commit> commits_;
  std::map<RequestId, LogIndex> reads_;
  std::optional<std::string> violation_;
};

}  // namespace lockstep::raft::test
