#!/bin/bash
# What the rows of ci/measure share: nodes, the large database, figures. Source after lib.sh; `bin`,
# `folder` and the other options of ci/measure are set.

# Data of this run in $work, removed at its end; the large database stays in $folder.
make_work_folder() {
  mkdir -p "$folder" || die "cannot create $folder"
  local free need=$((4 * megabytes + 1000))
  free=$(df -BM --output=avail "$folder" | tail -n 1 | tr -dc 0-9)
  ((free >= need)) || die "$folder has $free MB free, $need are needed (--folder, --megabytes)"
  work=$(mktemp -d "$folder/run.XXXXXX")
  trap 'rc=$?; stop_all; rm -rf "$work"; exit $rc' EXIT
  trap 'exit 130' INT TERM
}

# figure ROW TEXT [BAR met|missed|-]
figure() {
  if (($# > 2)); then
    printf '%-9s %s | bar: %s | %s\n' "$1" "$2" "$3" "$4"
  else
    printf '%-9s %s\n' "$1" "$2"
  fi
}
# verdict EXPRESSION: met or missed. Of awk, so that fractions may be compared.
verdict() { awk "BEGIN { print ($1) ? \"met\" : \"missed\" }"; }
calc() { awk "BEGIN { printf \"%.${2:-1}f\", $1 }"; }
# The numbers on standard input: their quantile of N thousandths.
quantile() {
  sort -n | awk -v q="$1" '{ v[NR] = $1 }
    END { i = int((NR * q + 999) / 1000); print NR ? v[i < 1 ? 1 : i] : "nan" }'
}
median() { quantile 500; }
now_us() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# Nodes by name. http[NAME], raft[NAME]: their ports. A node's data is $work/NAME, its log NAME.log.
declare -A http=() raft=()
# serve NAME [FLAG...]: starts a node with that name as its id; returns at once.
serve() {
  local name=$1
  shift
  if [[ -z ${http[$name]:-} ]]; then
    pick_port && http[$name]=$port
    pick_port && raft[$name]=$port
  fi
  "$bin/lockstepd" -node-id "$name" -http-addr "127.0.0.1:${http[$name]}" \
    -raft-addr "127.0.0.1:${raft[$name]}" "$@" "$work/$name" >>"$work/$name.log" 2>&1 &
  pid_of[$name]=$!
}
ready() { curl -sf -m 2 -o /dev/null "127.0.0.1:${http[$1]}/readyz"; }
# Polls as fast as curl starts: about every 10 ms.
await_ready() {
  local name deadline=$(($(now_ms) + ${2:-120} * 1000))
  name=$1
  until ready "$name"; do
    ! has_ended "${pid_of[$name]}" || die "node $name has ended: $(tail -n 3 "$work/$name.log")"
    (($(now_ms) < deadline)) || die "node $name is not ready: $(tail -n 3 "$work/$name.log")"
  done
}
# stop NAME SIGNAL: ends the node; its time to the end in `stop_ms`.
stop() {
  local began pid=${pid_of[$1]}
  began=$(now_us)
  kill "-$2" "$pid"
  { wait "$pid" || true; } 2>/dev/null
  stop_ms=$((($(now_us) - began) / 1000))
  unset "pid_of[$1]"
}
# Three nodes a, b, c; a leads.
serve_three() {
  serve a "$@" && await_ready a
  local name
  for name in b c; do serve "$name" -join "127.0.0.1:${raft[a]}" "$@" && await_ready "$name"; done
}

# status_of NAME KEY: a number of /status.
status_of() { curl -sf -m 5 "127.0.0.1:${http[$1]}/status?key=$2"; }
execute() {
  local answer
  answer=$(curl -s -m 60 -XPOST "127.0.0.1:${http[$1]}/db/execute" -d "$2")
  [[ $answer == '{"results":['* && $answer != *'"error"'* ]] || die "$2: $answer"
}
# value_of NAME SQL: the one number that a query answers, at level none.
value_of() {
  curl -s -m 60 -G "127.0.0.1:${http[$1]}/db/query?level=none" --data-urlencode "q=$2" |
    sed -n 's/.*"values":\[\[\([0-9]*\)\]\].*/\1/p'
}
# bench NAME OPTION...: prints its JSON; a request that failed is the end of the row.
bench() {
  local name=$1
  shift
  "$bin/lockstep-bench" --json --target "127.0.0.1:${http[$name]}" "$@" || die "lockstep-bench $*"
}

# field NAME: of what lockstep-bench printed to $work/bench.json.
field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" "$work/bench.json"; }

# Memory of a node in KiB: what is resident now, the most since reset_peak.
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${pid_of[$1]}/status"; }
peak() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${pid_of[$1]}/status"; }
reset_peak() { echo 5 >"/proc/${pid_of[$1]}/clear_refs"; }
mib() { calc "$1 / 1024"; }

# A table of one row a page, of bytes that do not compress, so that to change N rows is to change N
# pages, and nothing that is sent to another node gets shorter on its way.
rows_of() { printf '%s' $(($1 * 1000 / 4096 * 1000)); }
fill() {
  local name=$1 left=$2 part
  execute "$name" '["CREATE TABLE big (id INTEGER PRIMARY KEY, n INTEGER, data BLOB)"]'
  while ((left > 0)); do
    part=$((left < 2000 ? left : 2000))
    execute "$name" "[\"WITH RECURSIVE i(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM i WHERE k < $part) \
INSERT INTO big(n, data) SELECT 0, randomblob(3900) FROM i\"]"
    left=$((left - part))
  done
}
# One row changed a statement, scattered over `rows` rows, other ones for other N: for lockstep-bench.
update() { printf 'UPDATE big SET n = n + 1 WHERE id = 1 + (? + %s) %% %s' "$1" "$2"; }
# database NAME MEGABYTES: the data of node NAME (an id, too) with such a table; `table_rows`. Made once
# by a real node through its API, then copied.
database() {
  local name=$1 size=$2 base=$folder/base-$1-$2 began
  table_rows=$(rows_of "$size")
  rm -rf "${work:?}/$name"
  if [[ ! -e $base/complete ]]; then
    rm -rf "$base"
    mkdir -p "$base"
    began=$(now_ms)
    serve "$name" && await_ready "$name"
    fill "$name" "$table_rows"
    stop "$name" TERM
    mv "$work/$name" "$base/data"
    printf '%s %s\n' "${http[$name]}" "${raft[$name]}" >"$base/ports"
    : >"$base/complete"
    figure database "$size MB made in $((($(now_ms) - began) / 1000)) s ($base)"
  fi
  # The addresses that its log holds.
  read -r "http[$name]" "raft[$name]" <"$base/ports"
  cp -r --reflink=auto "$base/data" "$work/$name"
  # What the copy left in the cache must not be written back while something is measured.
  sync -f "$work"
}
# Nothing that makes a snapshot by itself.
no_snapshots=(-raft-snap 1000000 -raft-snap-int 24h -raft-snap-wal-size 0)
