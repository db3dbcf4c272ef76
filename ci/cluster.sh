#!/bin/bash
# Shared by the tests of real processes: three nodes on free loopback ports, started as README.md
# says. Source after lib.sh; `bin` is the folder of the programs, `scratch` the folder of the run.

# http_port[N], raft_port[N] for N = 1..3, in place of README's 4001..4006.
declare -a http_port=() raft_port=()
pick_ports() {
  local node
  for node in 1 2 3; do
    pick_port && http_port[node]=$port
    pick_port && raft_port[node]=$port
  done
}

# README's command lines in the order of its example: `grep` chooses which.
readme_lines() {
  sed -n '/<!-- the example, run by ci\/cluster_test -->/,/^```$/p' README.md | grep "^$1"
}

# The line with this run's ports for README's.
localise() {
  local line=$1 node
  for node in 1 2 3; do
    line=${line//localhost:$((3999 + 2 * node))/localhost:${http_port[node]}}
    line=${line//localhost:$((4000 + 2 * node))/localhost:${raft_port[node]}}
  done
  printf '%s' "$line"
}

# Starts node N by README's line for it; what it prints goes to $scratch/nodeN.log.
start_node() {
  local line
  line=$(readme_lines "lockstepd -node-id $1 ")
  [[ $line == *' &' ]] || die "README.md has no line that starts node $1 in the background"
  line=$(localise "${line%' &'}")
  # HOME and PATH let the very text of README run: ~/node1 is then in the scratch folder.
  HOME=$scratch PATH=$bin:$PATH eval "exec_node $line"
  pid_of[node$1]=$last_pid
}
exec_node() {
  local node=$3
  "$@" >>"$scratch/node$node.log" 2>&1 &
  last_pid=$!
}

is_ready() { curl -sf -m 2 -o /dev/null "http://localhost:${http_port[$1]}/readyz"; }
wait_ready() {
  local node
  for node in "$@"; do
    wait_for "${ready_seconds:-30}" is_ready "$node" || {
      tail -n 20 "$scratch/node$node.log" >&2
      die "node $node is not ready after ${ready_seconds:-30} s"
    }
  done
}

# execute NODE SQL [PARAMETER]: the answer of /db/execute, or nothing.
execute() {
  local body="[[\"$2\"${3:+, \"$3\"}]]"
  curl -s -m 5 -XPOST "http://localhost:${http_port[$1]}/db/execute" -d "$body" || true
}
# query NODE LEVEL SQL
query() {
  curl -s -m 5 -G "http://localhost:${http_port[$1]}/db/query" --data-urlencode "q=$3" \
    --data-urlencode "level=$2" || true
}

# The id of the leader as node N sees it; empty if it knows none.
leader_seen_by() {
  curl -s -m 2 "http://localhost:${http_port[$1]}/status" |
    grep -o '"leader":{[^}]*}' | head -n 1 | sed -n 's/.*"node_id":"\([^"]*\)".*/\1/p'
}
