// Everything a node may touch of the world, handed to it as references. There are no globals
// besides.
#pragma once

#include "base/log.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/lanes.h"
#include "env/peers.h"
#include "env/turns.h"

namespace lockstep::env {

// The world owns all of it and outlives the node.
struct Env {
  Clock& clock;
  Turns& turns;
  Lanes& lanes;
  Disk& disk;
  Peers& peers;
  LogSink& log;
};

}  // namespace lockstep::env
