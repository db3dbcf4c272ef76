// Effects and states in words, one fact a line, for transcripts and for reading a failed schedule.
#pragma once

#include <string>

#include "cluster.h"

namespace lockstep::raft::test {

std::string format(const Message& message);
// "a: write 3: ..." and so on; each line ends with a newline.
std::string format(const Host& host, const Effects& effects);
// "a: leader of term 2, commit 3, durable 4, log 1..4".
std::string format_status(const Host& host);
// "1/1 config a b c, 2/2 noop, 3/2 x".
std::string format_entries(const std::vector<Entry>& entries);

}  // namespace lockstep::raft::test
