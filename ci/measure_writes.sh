#!/bin/bash
# The row `writes` of ci/measure: one writer and 64 of them, on one node and on three, each round
# beside what the machine allows at that moment: the bare disk, GET /readyz, and lockstep-floor, a
# server of one thread with a sync and no consensus. Medians of the rounds.

# What the floor made on the machine that the bars were set on: writes/s, us of CPU a write, p99 in us.
floor_rate=90609 floor_cpu=8 floor_p99=1400

# take LIST KEY COMMAND...: appends that field of what lockstep-bench then says to LIST.
take() {
  local -n list=$1
  local key=$2
  shift 2
  "$@" >"$work/bench.json"
  list+=("$(field "$key")")
}
median_of() {
  local -n numbers=$1
  printf '%s\n' "${numbers[@]}" | median
}
load() { bench "$1" --connections "$2" --seconds "$write_seconds" --server-pid "${pid_of[$1]}"; }
bare_disk() { "$bin/lockstep-bench" --json --disk "$work" --seconds 1; }
# Each of three nodes on one disk syncs while the others do.
three_disks() {
  local i jobs=()
  for i in 1 2 3; do
    mkdir -p "$work/disk$i"
    "$bin/lockstep-bench" --json --disk "$work/disk$i" --seconds 1 >"$work/disk$i.json" &
    jobs+=($!)
  done
  wait "${jobs[@]}"
  cat "$work/disk1.json"
}
floor_answers() { curl -s -m 2 -o /dev/null -d '[]' "127.0.0.1:${http[floor]}/db/execute"; }
begin_floor() {
  [[ -n ${http[floor]:-} ]] || { pick_port && http[floor]=$port; }
  mkdir -p "$work/floor"
  "$bin/lockstep-floor" "${http[floor]}" "$work/floor" &
  pid_of[floor]=$!
  wait_for 20 floor_answers || die "lockstep-floor does not answer"
}

row_writes() {
  local round disk=() disks=() ready=() one=() many=() rate_of_one=() cpu=() p99=() floor=()
  local floors_cpu=() floors_p99=() sum rate
  serve a && await_ready a
  begin_floor
  bench a --connections 64 --seconds 2 >/dev/null
  bench floor --connections 64 --seconds 2 >/dev/null
  for ((round = 0; round < rounds; round++)); do
    take disk p50_us bare_disk
    take one p50_us load a 1
    take ready p50_us bench a --work ready --seconds 1
    take floor per_second load floor 64
    floors_cpu+=("$(field server_cpu_us)")
    floors_p99+=("$(field p99_us)")
    take many per_second load a 64
    cpu+=("$(field server_cpu_us)")
    p99+=("$(field p99_us)")
  done
  sum=$(calc "$(median_of disk) + $(median_of ready)")
  figure writes "one writer, one node: p50 $(median_of one) us = $(calc "$(median_of one) / $sum" 2) of the bare \
disk ($(median_of disk) us) and /readyz ($(median_of ready) us)" "1.5" "$(verdict "$(median_of one) <= 1.5 * $sum")"
  rate=$(median_of floor)
  figure writes "64 writers, one node: $(median_of many)/s = $(calc "$(median_of many) / $rate" 2) of the floor's \
$rate/s" "40,000 where the floor makes $floor_rate: $(calc "40000 / $floor_rate" 2)" \
    "$(verdict "$(median_of many) >= 40000 || $(median_of many) / $rate >= 40000 / $floor_rate")"
  figure writes "64 writers, one node: $(median_of cpu) us of CPU a write = \
$(calc "$(median_of cpu) / $(median_of floors_cpu)" 2) of the floor's $(median_of floors_cpu) us" \
    "25 us where the floor takes $floor_cpu: $(calc "25 / $floor_cpu" 2)" \
    "$(verdict "$(median_of cpu) <= 25 || $(median_of cpu) / $(median_of floors_cpu) <= 25 / $floor_cpu")"
  figure writes "64 writers, one node: p99 $(median_of p99) us = $(calc "$(median_of p99) / $(median_of floors_p99)" 2) \
of the floor's $(median_of floors_p99) us" "4000 us where the floor has $floor_p99: $(calc "4000 / $floor_p99" 2)" \
    "$(verdict "$(median_of p99) <= 4000 || $(median_of p99) / $(median_of floors_p99) <= 4000 / $floor_p99")"
  stop_all
  rm -rf "${work:?}"/{a,floor}

  disk=() ready=() one=() many=()
  serve_three
  bench a --connections 64 --seconds 2 >/dev/null
  for ((round = 0; round < rounds; round++)); do
    take disk p50_us bare_disk
    take disks p50_us three_disks
    take one p50_us load a 1
    rate_of_one+=("$(field per_second)")
    take ready p50_us bench a --work ready --seconds 1
    take many per_second load a 64
  done
  sum=$(calc "$(median_of disk) + $(median_of ready)")
  figure writes "one writer, three nodes: p50 $(median_of one) us = $(calc "$(median_of one) / $sum" 2) of the bare \
disk ($(median_of disk) us) and /readyz ($(median_of ready) us); $(calc "$(median_of one) / ($(median_of disks) + \
$(median_of ready))" 2) with three syncs at once ($(median_of disks) us)" "2" "$(verdict "$(median_of one) <= 2 * $sum")"
  figure writes "64 writers, three nodes: $(median_of many)/s = \
$(calc "$(median_of many) / $(median_of rate_of_one)") of one writer's" "8" \
    "$(verdict "$(median_of many) >= 8 * $(median_of rate_of_one)")"
}
