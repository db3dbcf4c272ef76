# The house rules, one pass over the files named as arguments (paths relative to the root).
# Prints "FILE:LINE: RULE: what" for each violation; ci/check_house turns that into an exit code.
# Plain awk (mawk too): no word-boundary escapes, no {n} repetition.

BEGIN {
  floor["base"] = 0; floor["raft"] = 1; floor["env"] = 1; floor["wire"] = 2; floor["storage"] = 3
  floor["sql"] = 3; floor["node"] = 4; floor["api"] = 5; floor["host"] = 6
  # Programs of the real world that only talk to nodes from outside.
  floor["bench"] = 6; floor["shell"] = 6

  # What must not be named below host/ nor in sim/, and why. The left side is a regular
  # expression for code without comments and strings.
  edge = "(^|[^A-Za-z0-9_])"; end = "([^A-Za-z0-9_]|$)"
  ban("std::j?thread" end, "threads")
  ban(edge "thread_local" end, "threads")
  ban("std::(async|future|promise|packaged_task|latch|barrier|counting_semaphore|stop_token)" end, "threads")
  ban("std::this_thread", "threads")
  ban("std::condition_variable", "threads")
  ban("std::atomic", "atomics")
  ban("std::(mutex|shared_mutex|recursive_mutex|timed_mutex|scoped_lock|lock_guard|unique_lock|shared_lock|call_once|once_flag)" end, "mutex")
  ban(edge "pthread_", "threads")
  ban("(steady|system|high_resolution|utc|file)_clock" end, "clock")
  ban(edge "(clock_gettime|gettimeofday|localtime|localtime_r|mktime|ftime)[ ]*\\(", "clock")
  ban("(^|[^A-Za-z0-9_.>:~]|std::|[^A-Za-z0-9_]::)time[ ]*\\([ ]*(NULL|nullptr|0|&)", "clock")
  ban(edge "(usleep|nanosleep|sleep_for|sleep_until|::sleep)[ ]*\\(", "clock")
  ban("random_device" end, "randomness")
  ban("std::(mt19937|mt19937_64|default_random_engine|minstd_rand|shuffle|sample)" end, "randomness")
  ban("_distribution" end, "randomness")
  ban(edge "(rand|srand|rand_r|random_r|drand48|arc4random|getrandom|getentropy)[ ]*\\(", "randomness")
  ban(edge "(secure_)?getenv[ ]*\\(", "environment")
  ban("std::filesystem", "filesystem")
  ban("asio::", "asio")
  ban("std::hash" end, "std::hash")
  ban("unordered_(multi)?(map|set)" end, "unordered")

  bad_header("thread|stop_token|future|semaphore|latch|barrier|condition_variable|pthread.h", "threads")
  bad_header("atomic|stdatomic.h", "atomics")
  bad_header("mutex|shared_mutex", "mutex")
  bad_header("random", "randomness")
  bad_header("filesystem", "filesystem")
  bad_header("sys/time.h|sys/timerfd.h", "clock")
  bad_header("unordered_map|unordered_set", "unordered")
  bad_header("sys/socket.h|sys/un.h|netinet/in.h|netinet/tcp.h|arpa/inet.h|netdb.h|sys/epoll.h|poll.h|sys/select.h", "sockets")
}

function ban(pattern, rule) { banned[++bans] = pattern; banned_rule[bans] = rule }
function bad_header(list, rule,   names, n, i) {
  n = split(list, names, "|")
  for (i = 1; i <= n; i++) header_rule[names[i]] = rule
}
function report(rule, what) { print FILENAME ":" FNR ": " rule ": " what }

# A line's code: strings emptied, comments gone. Block comments may span lines (in_block).
function code_of(line,   start) {
  if (in_block) {
    start = index(line, "*/")
    if (start == 0) return ""
    line = substr(line, start + 2)
    in_block = 0
  }
  if (line ~ /'/) {
    while (match(line, /[0-9a-fA-F]'[0-9a-fA-F]/)) {  # digit separators
      line = substr(line, 1, RSTART) substr(line, RSTART + 2)
    }
    gsub(/'(\\[^']+|\\'|[^'\\])'/, "0", line)
  }
  gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
  sub(/\/\/.*/, "", line)
  gsub(/\/\*[^*]*\*\//, " ", line)
  start = index(line, "/*")
  if (start > 0) {
    line = substr(line, 1, start - 1)
    in_block = 1
  }
  return line
}

# Where a file lives decides which rules hold for it.
function enter_file(   parts) {
  close_file()
  file = FILENAME; in_block = 0; pragma = 0
  is_cpp = FILENAME ~ /\.(cc|h)$/
  is_header = FILENAME ~ /\.h$/
  split(FILENAME, parts, "/")
  top = parts[1]
  room = top == "src" ? parts[2] : ""
  if (top == "src" && !(room in floor)) report("floors", "src/" room "/ is not a room of the house")
  # A program's main and the sweep over many processes are of this world; everything else in sim/ is
  # of the simulated one.
  pure = is_cpp && ((top == "src" && floor[room] < 6) ||
                    (top == "sim" && FILENAME !~ /_main\.cc$|^sim\/sweep\.cc$/))
  lock_table = room == "sql" && parts[3] ~ /shm|lock/
  check_opening()
}

function check_opening(   own) {
  # A .cc may open with its own header instead, which tells the story; X_test.cc with X.h.
  own = FILENAME; sub(/.*\//, "", own); sub(/(_test)?\.cc$/, ".h", own)
  if (is_cpp && $0 !~ /^\/\/ ./ && !(!is_header && $0 ~ "^#include \"([^\"]*/)?" own "\"$"))
    report("opening", "the file opens neither with a comment nor with its own header")
  if (FILENAME ~ /CMakeLists\.txt$|\.(cmake|awk)$/ && FILENAME != "CMakeLists.txt" && $0 !~ /^# ./)
    report("opening", "the file does not open with a comment")
  if ($0 ~ /^#!/) wants_comment = 1
}

function close_file() {
  if (file != "" && is_header && !pragma) print file ":1: pragma: the header lacks #pragma once"
  file = ""
}

FNR == 1 { enter_file() }
wants_comment && FNR == 2 {
  if ($0 !~ /^# ./) report("opening", "the script does not open with a comment")
  wants_comment = 0
}

FNR == 401 && FILENAME ~ /\.(cc|h|awk|cmake)$|^ci\/[a-z_]+$/ && FILENAME !~ /^tests\/data\// {
  report("length", "the file is longer than 400 lines")
}

# Paths of one person's machine, and promises without content.
# The self-test plants them, so it is exempt.
FILENAME != "ci/check_house_self_test.sh" && /(^|[^A-Za-z0-9_.])\/(work|root)\// { report("path", "an absolute path of somebody's machine") }
FILENAME != "ci/check_house_self_test.sh" && /TODO/ && !/TODO(\([^)]+\))?: [^ ]/ { report("todo", "a TODO must say what: \"TODO: ...\"") }

!is_cpp { next }

/^#pragma once/ { pragma = 1 }

/^[ \t]*#[ \t]*include/ { check_include(); next }

{
  code = code_of($0)
  if (code == "") next
  if (pure) check_banned()
}

function check_banned(   i, reasoned) {
  # "// house: REASON" lifts the ban on unordered containers (which must then never be iterated),
  # and in sim/ any ban, for its line.
  reasoned = $0 ~ /\/\/ house: [^ ]+ [^ ]+ [^ ]/
  for (i = 1; i <= bans; i++) {
    if (code !~ banned[i]) continue
    if (reasoned && (banned_rule[i] == "unordered" || top == "sim")) continue
    if (lock_table && banned_rule[i] == "mutex") continue
    report(banned_rule[i], "banned here: " substr(code, match(code, /[^ ]/), 60))
    return
  }
}

function check_include(   name, parts, other, reasoned) {
  name = $0
  if (name ~ /"/) { sub(/^[^"]*"/, "", name); sub(/".*/, "", name) }
  else { sub(/^[^<]*</, "", name); sub(/>.*/, "", name) }
  split(name, parts, "/")
  other = parts[1]
  reasoned = $0 ~ /\/\/ house: [^ ]+ [^ ]+ [^ ]/

  if (name ~ /\.\.\//) report("floors", "includes a file by ../")
  if (top == "src" && other == "sim") report("floors", "src/ includes sim/: " name)
  if (top == "sim" && other == "host") report("floors", "sim/ includes host/: " name)
  if (top == "src" && (other in floor) && $0 ~ /"/ && other != room) {
    if (floor[other] >= floor[room] && !(room == "sql" && other == "storage"))
      report("floors", room "/ includes what is not below it: " name)
  }
  if (name == "sqlite3.h" && room != "sql" && top != "tests")
    report("sqlite", "sqlite3.h belongs to src/sql alone")
  if (other == "boost" && top != "tests") {
    if (is_header) report("boost", "Boost is included by a header: " name)
    # The judges in sim/ read the answers that clients got, which are JSON.
    else if (room != "api" && room != "host" && !(top == "sim" && name ~ /^boost\/json/))
      report("boost", "Boost belongs to api/ and host/ (JSON also to sim/): " name)
    if (pure && name ~ /^boost\/(asio|beast)/) report("asio", "banned here: " name)
  }
  if (pure && (name in header_rule)) {
    if (reasoned && (header_rule[name] == "unordered" || top == "sim")) return
    if (lock_table && header_rule[name] == "mutex") return
    if (header_rule[name] == "unordered") return  # the use is judged, where its reason stands
    report(header_rule[name], "banned here: <" name ">")
  }
}

END { close_file() }
