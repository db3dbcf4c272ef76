#!/bin/bash
# The row `join` of ci/measure: a new node is sent the large database while writes go on.

# The bare disk: MB/s of a file written in one go and synced.
disk_rate() {
  local began
  began=$(now_us)
  dd if=/dev/zero of="$work/plain" bs=1M count="$megabytes" conv=fdatasync status=none
  calc "$megabytes * 1.048576e6 / ($(now_us) - $began)" 0
  rm -f "$work/plain"
}
caught_up() {
  local there
  ready b || return 1
  there=$(status_of a store.raft.applied_index)
  (($(status_of b store.raft.applied_index) + 500 >= there))
}
row_join() {
  local disk before new began took bytes load gap
  disk=$(disk_rate)
  serve x && await_ready x && sleep 1
  new=$(resident x)
  stop x TERM
  database a "$megabytes"
  bytes=$(stat -c %s "$work/a/db.sqlite")
  serve a && await_ready a
  # The caches of the leader are as full as this load makes them.
  bench a --connections 4 --rate 200 --seconds 5 >/dev/null
  # The log must not reach back to the beginning, or the new node is sent that.
  curl -sf -m 60 -o /dev/null -XPOST "127.0.0.1:${http[a]}/snapshot?trailing_logs=1" || die "no snapshot"
  bench a --connections 4 --rate 200 --seconds 600 --log "$work/log" >/dev/null 2>&1 &
  load=$!
  pid_of[load]=$load
  sleep 2
  before=$(resident a)
  reset_peak a
  began=$(now_us)
  serve b -join "127.0.0.1:${raft[a]}"
  wait_for 300 caught_up || die "the new node does not catch up: $(tail -n 3 "$work/b.log")"
  took=$(calc "($(now_us) - $began) / 1e6" 2)
  grep -q 'opening again, with the image' "$work/b.log" || die "it caught up without an image"
  local leader_more=$(($(peak a) - before)) joiner_more=$(($(peak b) - new))
  figure join "$(calc "$bytes / 1e6" 0) MB under 200 writes/s: $took s, $(calc "$bytes / 1e6 / $took" 0) MB/s \
in $(grep -c 'fetching an image of' "$work/b.log") attempts, $(status_of a peers.frames_dropped) frames dropped; the \
bare disk writes $disk MB/s"
  figure join "memory: leader $(mib "$before") MiB before, at most $(mib "$leader_more") MiB more; new \
node at most $(mib "$joiner_more") MiB more than an empty one" "64 MiB each" \
    "$(verdict "$leader_more <= 65536 && $joiner_more <= 65536")"
}
