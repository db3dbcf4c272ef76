#!/bin/bash
# Shared by the scripts of ci/: builds, loopback ports, processes, waiting. Source it from the root
# of the tree. Everything waits by polling with a deadline, and ends only processes it started.

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# build_preset PRESET [-DOPTION...] TARGET...: configures and builds. The target `programs` stands
# for every program, `all` for the tests as well.
build_preset() {
  local preset=$1 options=() targets=() target
  shift
  while [[ ${1:-} == -D* ]]; do
    options+=("$1")
    shift
  done
  cmake --preset "$preset" "${options[@]}" -Wno-dev >"$(log_file "configure-$preset")" 2>&1 || {
    cat "$(log_file "configure-$preset")" >&2
    die "cmake --preset $preset failed"
  }
  for target in "$@"; do
    if [[ $target == programs ]]; then
      mapfile -t -O "${#targets[@]}" targets < <(programs_of "build/$preset")
    else
      targets+=("$target")
    fi
  done
  ninja -C "build/$preset" -j"$(nproc)" "${targets[@]}"
}

# Names like bin/lockstepd: what a build folder links, but for the tests.
programs_of() {
  ninja -C "$1" -t targets all | sed -n 's|^\(bin/lockstep[a-z-]*\): CXX_EXECUTABLE_LINKER.*|\1|p'
}

log_file() {
  mkdir -p build/logs
  printf 'build/logs/%s.log' "$1"
}

# now_ms: a monotonic clock would be better, but bash has none that is cheaper than a process.
now_ms() { printf '%s' $((${EPOCHREALTIME/[.,]/} / 1000)); }

# wait_for SECONDS COMMAND...: polls until the command succeeds; 1 once the time is up.
wait_for() {
  local deadline=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    (($(now_ms) < deadline)) || return 1
    sleep 0.05
  done
}

# A port of the loopback interface that nobody listens on and this script has not handed out yet.
# Below the range that the kernel gives to outgoing connections, so that none is taken in between.
# In the variable `port` (not by $(...), which would forget what was handed out).
declare -A ports_given=()
pick_port() {
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    port=$((12000 + RANDOM % 18000))
    [[ -z ${ports_given[$port]:-} ]] || continue
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    ports_given[$port]=1
    return 0
  done
  die "found no free loopback port"
}

# Processes by name: pid_of[NAME]. stop_all ends, by pid, whatever is left of them; scripts call
# it from their EXIT trap.
declare -A pid_of=()

# end NAME SIGNAL: sends the signal, waits at most 20 s, and leaves the exit code in `exit_code`
# ("hung": it had to be killed). Bash's own notices of killed jobs are not for the reader.
end() {
  local pid=${pid_of[$1]} hung=0
  {
    kill "-$2" "$pid" || true
    wait_for 20 has_ended "$pid" || hung=1
    [[ $hung == 0 ]] || kill -KILL "$pid" || true
    exit_code=0
    wait "$pid" || exit_code=$?
  } 2>/dev/null
  unset "pid_of[$1]"
  [[ $hung == 0 ]] || exit_code=hung
  [[ $hung == 0 ]]
}
# A child that ended but was not waited for yet is a zombie: kill -0 still finds it.
has_ended() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
  [[ -z $state || $state == Z ]]
}
stop_all() {
  local name
  for name in "${!pid_of[@]}"; do
    kill -KILL "${pid_of[$name]}" 2>/dev/null || true
    wait "${pid_of[$name]}" 2>/dev/null || true
  done
  pid_of=()
}

# A folder for this run, removed at its end unless the script failed.
make_scratch() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/lockstep-ci.XXXXXX")
  trap 'rc=$?; stop_all; if [[ $rc == 0 ]]; then rm -rf "$scratch"; else
    echo "kept for a look: $scratch" >&2; fi; exit $rc' EXIT
  trap 'exit 130' INT TERM
}

# Names in sanitizer reports.
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
export TSAN_SYMBOLIZER_PATH=$ASAN_SYMBOLIZER_PATH
export UBSAN_OPTIONS=print_stacktrace=1
