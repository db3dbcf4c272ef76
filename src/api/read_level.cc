// Pure decisions about reads: which level, and whether this node's state is fresh enough.
#include "api/statements.h"

namespace lockstep::api {

node::ReadLevel resolve_level(Level level, bool voter) {
  switch (level) {
    case Level::none:
      return node::ReadLevel::none;
    case Level::weak:
      return node::ReadLevel::weak;
    case Level::strong:
      return node::ReadLevel::strong;
    case Level::linearizable:
      return node::ReadLevel::linearizable;
    case Level::automatic:
      return voter ? node::ReadLevel::weak : node::ReadLevel::none;
  }
  return node::ReadLevel::weak;
}

bool is_fresh(const Contact& contact, Duration freshness, bool strict) {
  if (freshness <= Duration::zero() || contact.leads) return true;
  if (!contact.age || *contact.age > freshness) return false;
  return !strict || contact.applied >= contact.commit;
}

}  // namespace lockstep::api
