// The bare yardstick: overwrite 4 KiB of a file whose blocks were written before, fdatasync, again.
#pragma once

#include "base/result.h"
#include "bench/load.h"
#include "bench/options.h"

namespace lockstep::bench {

// Works in a file of its own in options.disk and removes it. Errc::io: with the reason.
Result<Measured> run_disk(const Options& options);

}  // namespace lockstep::bench
