#include "node/doorkeeper.h"

#include <utility>
#include <variant>

#include "base/bugs.h"

namespace lockstep::node {
namespace {

constexpr Duration kSayAgainAfter = seconds(60);
constexpr std::size_t kSaidMax = 32;

bool looks_for_a_cluster(const wire::FrameBody& body) {
  return std::holds_alternative<wire::JoinAsk>(body) ||
         std::holds_alternative<wire::JoinReply>(body) ||
         std::holds_alternative<wire::FoundAsk>(body) ||
         std::holds_alternative<wire::FoundReply>(body);
}

// Only a new node's questions may come without knowing whom they reach.
bool is_open_question(const wire::FrameBody& body) {
  return std::holds_alternative<wire::JoinAsk>(body) ||
         std::holds_alternative<wire::ProbeAsk>(body) ||
         std::holds_alternative<wire::FoundAsk>(body);
}

std::string sender_of(const wire::Frame& frame) {
  return "node " + frame.from.value + " at " + frame.reply_to;
}

}  // namespace

std::optional<wire::Frame> Doorkeeper::admit(std::string_view bytes, const Self& self) {
  claimed_by_.reset();
  auto decoded = wire::decode_frame(bytes);
  if (!decoded) {
    ++counts_.malformed;
    say("malformed", "a frame was dropped: " + decoded.error().text);
    return std::nullopt;
  }
  wire::Frame& frame = *decoded;
  const bool for_whoever_listens = frame.to.value.empty();
  if (for_whoever_listens ? !is_open_question(frame.body) : frame.to != self.id) {
    ++counts_.misdirected;
    say("to " + frame.to.value, sender_of(frame) + " takes this node, " + self.id.value +
                                    ", for node " + frame.to.value +
                                    ": it is asked at an address that is not its own any more");
    return std::nullopt;
  }
  if (frame.from == self.id || looks_for_a_cluster(frame.body) || is_own(frame, self))
    return std::move(*decoded);
  ++counts_.foreign;
  // Who holds nothing is called before it knows what it is called for.
  if (!frame.cluster.is_nil() && std::holds_alternative<raft::Message>(frame.body))
    claimed_by_ = frame.cluster;
  const std::string theirs =
      frame.cluster.is_nil() ? "no cluster" : "cluster " + to_string(frame.cluster);
  if (!self.cluster.is_nil())
    say("from " + frame.from.value + to_string(frame.cluster),
        sender_of(frame) + " belongs to " + theirs + ", not to this node's, " +
            to_string(self.cluster) + ": nothing that it says counts here");
  return std::nullopt;
}

bool Doorkeeper::is_own(const wire::Frame& frame, const Self& self) const {
  if (LOCKSTEP_BUG(foreign_frames_believed)) return true;
  if (frame.cluster == self.cluster) return true;
  // Clusters that were founded without a name get one by their log; until a node has read it, or
  // while the other one has not, its members are known by their ids.
  const bool in_between = frame.cluster.is_nil() || self.cluster.is_nil();
  return in_between && self.members.find(frame.from) != nullptr &&
         (self.cluster.is_nil() || std::holds_alternative<raft::Message>(frame.body));
}

void Doorkeeper::say(const std::string& about, const std::string& text) {
  const TimePoint now = env_.clock.now();
  const auto said = said_.find(about);
  if (said != said_.end() && now - said->second < kSayAgainAfter) return;
  if (said == said_.end() && said_.size() >= kSaidMax) {
    std::erase_if(said_, [&](const auto& each) { return now - each.second >= kSayAgainAfter; });
    if (said_.size() >= kSaidMax) return;
  }
  said_[about] = now;
  env_.log.write(LogLevel::warning, "frames", text);
}

}  // namespace lockstep::node
