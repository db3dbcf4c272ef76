// Covered: what the durable database makes up for, so that damage to it in the log costs nothing.
#pragma once

#include <string>

#include "base/ids.h"
#include "storage/manifest.h"

namespace lockstep::storage {

struct Covered {
  LogIndex index{};  // every entry up to here is in the database
  // If the database came as an image: the term of that entry, and the membership in force there
  // (encoded). Empty: nobody says. Then a log that lost a change of it cannot begin behind that.
  Term term{};
  std::string membership{};
};

inline Covered covered_by(const DurableState& state) {
  return {.index = state.index, .term = state.term, .membership = state.image_membership};
}

}  // namespace lockstep::storage
