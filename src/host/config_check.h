// What a set of flags must satisfy as a whole, beyond each flag's own form.
#pragma once

#include <string>

#include "base/result.h"
#include "host/flags.h"

namespace lockstep::host {

// Errc::invalid with one line that names the flags at odds.
Status check_config(const Config& config);

}  // namespace lockstep::host
