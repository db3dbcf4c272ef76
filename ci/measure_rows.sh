#!/bin/bash
# The rows of ci/measure about one node: syncs, snapshot, restart, reader, memory.

# --- syncs

# traced NAME COMMAND...: runs the command while the node is traced; counts in `batches` (writes to
# the log), `log_syncs`, `database_syncs` (of the database, its write-ahead file, checksums and
# manifest), `other_syncs` (a new segment of the log, a vote).
traced() {
  local name=$1 trace=$work/trace.$1 tracer
  shift
  strace -f -y -o "$trace" -p "${pid_of[$name]}" \
    -e trace=fdatasync,fsync,msync,syncfs,sync,pwrite64 2>"$trace.err" &
  tracer=$!
  wait_for 10 grep -q attached "$trace.err" || die "strace: $(<"$trace.err")"
  "$@"
  kill -INT "$tracer" && wait "$tracer" || true
  read -r batches log_syncs database_syncs other_syncs < <(awk '
    $2 ~ /^pwrite64\(/ { batches += /pwrite64\([0-9]+<[^>]*\/log-[0-9a-f]*>/ }
    $2 ~ /^(fdatasync|fsync|msync|syncfs|sync)\(/ {
      if (/\/log-[0-9a-f]*>/) log_syncs++
      else if (/\/(db\.sqlite|db\.sqlite-wal|sums-[01]|manifest)>/) database_syncs++
      else other++
    }
    END { print batches + 0, log_syncs + 0, database_syncs + 0, other + 0 }' "$trace")
}
row_syncs() {
  local what connections
  serve a "${no_snapshots[@]}" && await_ready a
  bench a --requests 10 >/dev/null
  traced a sleep 2
  figure syncs "one node, idle for 2 s: $((log_syncs + database_syncs + other_syncs)) syncs"
  for connections in 1 64; do
    traced a bench a --requests "$((sync_requests * (connections > 1 ? 10 : 1)))" \
      --connections "$connections" >"$work/bench.json"
    syncs_figure "one node, connections: $connections"
  done
  stop a KILL
  rm -rf "${work:?}/a"
  serve_three "${no_snapshots[@]}"
  bench a --requests 10 >/dev/null
  for what in a b; do
    traced "$what" bench a --requests "$sync_requests" --connections 8 >"$work/bench.json"
    syncs_figure "three nodes, connections: 8, $([[ $what == a ]] && echo leader || echo follower)"
  done
  stop_all
  rm -rf "${work:?}/a"
  serve a && await_ready a
  traced a bench a --requests "$((10 * sync_requests))" --connections 64 >"$work/bench.json"
  figure syncs "one node, snapshots as they are by default: $(field requests) writes in $batches batches, \
$log_syncs syncs of the log, $database_syncs of snapshots, $other_syncs of new segments"
}
syncs_figure() {
  figure syncs "$1: $(field requests) writes in $batches batches, $log_syncs syncs of the log, \
$database_syncs of the database, $other_syncs of new segments" "one per batch, none when applying" \
    "$(verdict "$batches > 0 && $log_syncs == $batches && $database_syncs == 0")"
}

# --- snapshot

snapshot_us() {
  local answer
  answer=$(curl -s -m 60 -o /dev/null -w '%{http_code} %{time_total}' -XPOST "127.0.0.1:${http[a]}/snapshot")
  [[ $answer == '200 '* ]] || die "/snapshot answers $answer"
  awk -v s="${answer#* }" 'BEGIN { printf "%.0f\n", s * 1e6 }'
}
# change N: a thousand pages, for each N others.
change() {
  bench a --sql "$(update $((1000 * $1)) "$table_rows")" --rows 1000 --requests 20 --statements 50 >/dev/null
}
# Times of snapshots in us, one a line, of a database of so many MB.
snapshots_of() {
  local i
  database a "$1" >&2
  serve a "${no_snapshots[@]}" && await_ready a
  for ((i = 0; i <= rounds; i++)); do
    change "$i"
    snapshot_us
  done
}
# Load of single updates over the whole table, 1,000 a second; its log to $1. With $2, a snapshot
# each second: begin and end of each in $2.
paced_load() {
  local began load
  bench a --sql "$(update 0 "$table_rows")" --rows "$table_rows" --rate 1000 --connections 16 \
    --seconds "$load_seconds" --log "$1" >/dev/null &
  load=$!
  while [[ -n ${2:-} ]] && ! has_ended "$load"; do
    sleep 1
    began=$(now_us)
    snapshot_us >/dev/null
    echo "$began $(now_us)" >>"$2"
  done
  wait "$load"
}
# Latencies of the requests of log $1 that were under way during a span of $2.
during() {
  awk 'NR == FNR { begin[NR] = $1; end[NR] = $2; n = NR; next }
    { for (i = 1; i <= n; i++) if ($1 <= end[i] && $1 + $2 >= begin[i]) { print $2; break } }' "$2" "$1"
}
row_snapshot() {
  local small large first plain beside i
  snapshots_of 10 >"$work/small"
  stop a TERM
  snapshots_of "$megabytes" >"$work/large"
  first=$(head -n 1 "$work/large")
  small=$(tail -n +2 "$work/small" | median) large=$(tail -n +2 "$work/large" | median)
  figure snapshot "1,000 changed pages: 10 MB $(calc "$small / 1000") ms, $megabytes MB \
$(calc "$large / 1000") ms (median of $rounds; the first after a start $(calc "$first / 1000") ms), ratio \
$(calc "$large / $small" 2)" "ratio <= 3" "$(verdict "$large <= 3 * $small")"
  : >"$work/plain" && : >"$work/beside"
  for i in 1 2 3; do
    paced_load "$work/log"
    awk '{ print $2 }' "$work/log" >>"$work/plain"
    rm -f "$work/spans"
    paced_load "$work/log" "$work/spans"
    during "$work/log" "$work/spans" >>"$work/beside"
  done
  plain=$(quantile 990 <"$work/plain") beside=$(quantile 990 <"$work/beside")
  figure snapshot "1,000 writes/s into $megabytes MB: p99 $plain us without, $beside us while one is \
made ($(wc -l <"$work/beside") writes; p50 $(median <"$work/plain") and $(median <"$work/beside") us), \
ratio $(calc "$beside / $plain" 2)" "ratio <= 3" "$(verdict "$beside <= 3 * $plain")"
}

# --- restart

# Takes the files of node a out of the system's cache.
forget_cache() {
  local file
  sync -f "$work"
  for file in "$work"/a/*; do dd if="$file" iflag=nocache count=0 status=none; done
}
# Kills node a that many entries behind its durable point, starts it again: `restart_ms`.
restart_killed() {
  local last behind began
  database a "$megabytes"
  serve a "${no_snapshots[@]}" -db-wal-max-size 8589934592 && await_ready a
  bench a --sql "$(update 0 "$table_rows")" --rows "$table_rows" --requests "$entries" \
    --connections 64 >/dev/null
  last=$(status_of a store.raft.applied_index)
  behind=$((last - $(status_of a store.raft.durable_index)))
  ((behind >= entries)) || die "only $behind entries behind the durable point"
  stop a KILL
  [[ $1 == warm ]] || forget_cache
  began=$(now_us)
  serve a && await_ready a
  restart_ms=$((($(now_us) - began) / 1000))
  ((restart_entries = behind, $(status_of a store.raft.applied_index) >= last)) ||
    die "ready before what was acknowledged is applied"
  [[ $(value_of a 'SELECT sum(n) FROM big') == "$entries" ]] || die "writes are lost"
}
row_restart() {
  local cache i times bar
  for cache in warm cold; do
    times=()
    for i in 1 2 3; do
      restart_killed "$cache"
      times+=("$restart_ms")
      stop a KILL
    done
    restart_ms=$(printf '%s\n' "${times[@]}" | median)
    # kill -9 leaves the cache as it is; without one, the disk is what is measured.
    bar=()
    [[ $cache == cold ]] || bar=("1500 ms" "$(verdict "$restart_ms <= 1500")")
    figure restart "after kill -9, $megabytes MB, $restart_entries entries to replay, $cache cache: ready \
after $restart_ms ms (median of ${times[*]})" "${bar[@]}"
  done
  database a "$megabytes"
  serve a && await_ready a
  stop a TERM
  stop_figure "one node, $megabytes MB, idle"
  serve a "${no_snapshots[@]}" && await_ready a
  bench a --sql "$(update 0 "$table_rows")" --rows "$table_rows" --requests "$entries" \
    --connections 64 >/dev/null
  stop a TERM
  stop_figure "one node, $megabytes MB, $entries entries that no snapshot holds yet"
  rm -rf "${work:?}/a"
  serve_three
  bench a --requests 100 >/dev/null
  stop b TERM
  stop_figure "follower of three nodes"
  serve b && await_ready b
  stop a TERM
  stop_figure "leader of three nodes, which hands leadership on"
}
stop_figure() {
  figure restart "SIGTERM, $1: ended after $stop_ms ms" "300 ms" "$(verdict "$stop_ms <= 300")"
}

# --- reader

# A read at level none in the background that does not end while it is needed, starting from $1, a
# SELECT: of a table, then it holds the state of the database all the time, or of none. It counts
# slowly, as a request has a bound on its steps, not on its time. Its answer and time: $work/read.
long_read() {
  : >"$work/read"
  curl -s -m 3600 -G -w '\n%{time_total}\n' "127.0.0.1:${http[a]}/db/query?level=none" --data-urlencode \
    "q=WITH RECURSIVE i(k) AS ($1 UNION ALL SELECT k + 1 FROM i WHERE k < 1000000000)
       SELECT max(length(hex(zeroblob(100000 + k % 2)))) FROM i" >"$work/read" &
  pid_of[read]=$!
  sleep 0.2
}
# writes_for SECONDS: `rate`, and the longest write-ahead file in `wal_mib`.
writes_for() {
  local load size most=0
  bench a --connections 16 --seconds "$1" >"$work/bench.json" &
  load=$!
  while ! has_ended "$load"; do
    size=$(status_of a store.sqlite3.wal_size)
    ((size <= most)) || most=$size
    sleep 0.5
  done
  wait "$load"
  rate=$(field per_second) wal_mib=$(calc "$most / 1048576" 0)
}
# The same database each time, with segments of the log to write again.
begin_reader() {
  stop_all
  database a "$megabytes"
  serve a "$@" && await_ready a
  bench a --connections 16 --seconds 3 >/dev/null
}
# The best of three of each kind, in turn: whoever else is on the machine meets all kinds.
row_reader() {
  local kind slice=$(((read_seconds + 2) / 3))
  local -A select=([of_no_table]='SELECT 1' [of_a_table]='SELECT min(id) FROM big') best=() longest=()
  for kind in alone of_no_table of_a_table alone of_no_table of_a_table alone of_no_table of_a_table; do
    # A write-ahead file so long is never in the way of the read.
    begin_reader -db-wal-max-size 68719476736
    [[ $kind == alone ]] || long_read "${select[$kind]}"
    writes_for "$slice"
    [[ $kind == alone ]] || ! has_ended "${pid_of[read]}" || die "the read ended early: $(<"$work/read")"
    [[ $(verdict "$rate > ${best[$kind]:-0}") == missed ]] || best[$kind]=$rate longest[$kind]=$wal_mib
  done
  figure reader "16 writers, $slice s, best of 3: alone ${best[alone]}/s, beside a read of no table, which \
takes one core of $(nproc), ${best[of_no_table]}/s (write-ahead file at most ${longest[alone]} and \
${longest[of_no_table]} MiB)"
  figure reader "beside a read that holds a state, one core, too: ${best[of_a_table]}/s = \
$(calc "${best[of_a_table]} / ${best[alone]}" 2) of alone, \
$(calc "${best[of_a_table]} / ${best[of_no_table]}" 2) of beside the other read; write-ahead file at most \
${longest[of_a_table]} MiB" ">= 0.9 of alone" "$(verdict "${best[of_a_table]} >= 0.9 * ${best[alone]}")"

  begin_reader
  long_read "${select[of_a_table]}"
  writes_for "$read_seconds"
  figure reader "-db-wal-max-size as it is, 256 MiB, $read_seconds s: $rate/s, write-ahead file at most \
$wal_mib MiB; the read $(end_of_read)" "<= 512 MiB" "$(verdict "$wal_mib <= 512")"
}
end_of_read() {
  has_ended "${pid_of[read]}" || { printf 'was let live' && return; }
  printf 'ended after %.0f s with %s' "$(tail -n 1 "$work/read")" "$(head -c 120 "$work/read" | head -n 1)"
}

# --- memory

row_memory() {
  local kib
  serve a && await_ready a
  sleep 3
  kib=$(resident a)
  figure memory "one idle node, empty database: $(mib "$kib") MiB resident" "15 MiB" \
    "$(verdict "$kib <= 15 * 1024")"
}
