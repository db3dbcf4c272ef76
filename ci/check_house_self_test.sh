#!/bin/bash
# Sourced by ci/check_house --self-test: a check that cannot fail is a defect, so every rule gets a
# file that breaks it, and lookalikes that must pass. All are planted in a copy of the tree.

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
for part in src sim tests fuzz chaos jepsen ci .ci docs CMakeLists.txt README.md; do
  [[ -e $root/$part ]] && cp -r "$root/$part" "$tree/"
done
mkdir -p "$tree/tests/data" "$tree/docs" "$tree/src/host" "$tree/src/api" "$tree/src/sql"
cd "$tree"

declare -A expected=()  # file -> rule that must be reported for it

# plant FILE RULE [LINE...]: a file in order but for LINE.
plant() {
  local file=$1 rule=$2
  shift 2
  expected[$file]=$rule
  write "$file" "$@"
}
write() {
  local file=$1
  shift
  mkdir -p "$(dirname "$file")"
  {
    case $file in
      *.h) printf '// Planted.\n#pragma once\n' ;;
      *.cc) printf '// Planted.\n' ;;
    esac
    printf '%s\n' "$@"
  } >"$file"
}

# The floors.
plant src/base/p01.cc floors '#include "raft/core.h"'
plant src/raft/p02.h floors '#include "env/disk.h"'
plant src/env/p03.cc floors '#include "raft/core.h"'
plant src/wire/p04.cc floors '#include "storage/raft_log.h"'
plant src/storage/p05.cc floors '#include "sql/database.h"'
plant src/sql/p06.cc floors '#include "node/node.h"'
plant src/node/p07.cc floors '  #  include "api/handler.h"'
plant src/api/p08.cc floors '#include "host/server.h"'
plant src/host/p09.cc floors '#include "sim/disk.h"'
plant src/node/p10.cc floors '#include "sim/disk.h"'
plant sim/p11.cc floors '#include "host/server.h"'
plant src/node/p12.cc floors '#include "../base/ids.h"'
plant src/attic/p13.cc floors 'int x;'

# Banned names.
plant src/node/p20.cc threads '  std::thread worker(run);'
plant src/node/p21.cc threads 'thread_local int x = 0;'
plant src/raft/p22.h threads '#include <condition_variable>'
plant src/raft/p23.h mutex 'std::mutex guard_;'
plant src/sql/p24_vfs.cc mutex 'const std::lock_guard hold(m_);'
plant src/raft/p25.cc atomics 'std::atomic<int> n;'
plant src/storage/p26.cc clock 'auto t = std::chrono::steady_clock::now();'
plant src/storage/p27.cc clock 'using C = std::chrono::system_clock;'
plant src/api/p28.cc clock 'auto t = time(nullptr);'
plant src/api/p29.cc clock '  return std::time(0);'
plant src/wire/p30.cc clock 'usleep(5);'
plant src/wire/p31.cc clock 'x(); sleep_for(seconds(1));'
plant src/base/p32.cc randomness 'std::random_device seed;'
plant src/base/p33.cc randomness 'std::uniform_int_distribution<int> d(0, 3);'
plant src/base/p34.cc randomness 'int x = rand();'
plant src/base/p35.cc environment 'const char* home = std::getenv("HOME");'
plant src/env/p36.cc filesystem 'std::filesystem::remove(p);'
plant src/env/p37.cc filesystem '#include <filesystem>'
plant src/env/p38.cc sockets '#include <sys/socket.h>'
plant src/node/p39.cc asio 'boost::asio::io_context context;'
plant src/node/p40.h unordered 'std::unordered_map<int, int> m_;'
plant src/node/p41.h unordered 'std::unordered_set<int> m_;  // house: no'
plant src/node/p42.cc 'std::hash' 'auto h = std::hash<int>{}(3);'
plant sim/p43.cc threads 'std::thread worker(run);'
plant sim/p44.cc clock 'auto t = std::chrono::steady_clock::now();'
plant src/node/p45.cc threads 'int a = 0; /* x */ std::jthread t; /* starts'

# Who may name what.
plant src/node/p50.cc sqlite '#include <sqlite3.h>'
plant sim/p51.cc sqlite '#include <sqlite3.h>'
plant src/host/p52.cc sqlite '#include <sqlite3.h>'
plant src/host/p53.h boost '#include <boost/json.hpp>'
plant src/api/p54.h boost "#include <boost/json/value.hpp>"
plant src/node/p55.cc boost '#include <boost/json.hpp>'
plant src/api/p56.cc asio '#include <boost/asio.hpp>'
plant sim/p57.cc boost "#include <boost/program_options.hpp>"

# Shape and texts.
plant docs/p60.md path 'See /work/elsewhere/x.md.'
plant src/node/p61.cc path 'const char* p = "/root/x";'
plant src/node/p62.cc todo '// TODO'
plant tests/base/p63_test.cc todo '// TODO: '
plant tests/base/p64_test.cc length "$(seq -f '// %g' 1 400)"
plant src/node/p65.h pragma '' && printf '// Planted.\nint x;\n' >src/node/p65.h
plant src/node/p66.cc opening '' && printf '#include "node/node.h"\n' >src/node/p66.cc
plant src/node/p67.cc opening '' && : >src/node/p67.cc
plant ci/p68 opening '#!/bin/bash' 'set -e'
plant fuzz/p69.cmake opening 'set(X 1)'

# Lookalikes: each must pass.
lookalikes=(src/node/ok1.cc src/sql/ok_shm_locks.cc src/host/ok2.cc src/api/ok3.cc sim/ok_main.cc
  sim/ok4.cc tests/node/ok5_test.cc tests/data/ok6.cc docs/ok7.md src/sql/ok8.cc src/node/ok9.h src/node/ok9.cc)
write src/node/ok1.cc '#include "raft/core.h"' '#include "sql/database.h"' '#include <chrono>' \
  '// std::thread, std::mutex and time(nullptr) are banned here.' \
  'const char* text = "std::mutex \" // rand()"; int size = 65'"'"'536;' \
  '/* std::atomic' 'std::thread' '*/ int after = 1;' \
  'auto t = status.time(0); runtime(0); operand(); brand(); set_timeout(5); wall_time(nullptr);' \
  "char quote = '\"'; char slash = '/'; bool hashed = my_hash(1);" '// TODO: split by subject' \
  '#include <unordered_map>' \
  'std::unordered_map<int, int> by_id_;  // house: never iterated, looked up by id only'
write src/sql/ok_shm_locks.cc '#include <mutex>' '#include <sqlite3.h>' 'std::mutex guard;'
write src/host/ok2.cc '#include <boost/asio.hpp>' '#include <thread>' 'std::thread t;' \
  '#include "api/handler.h"'
write src/api/ok3.cc '#include <boost/json.hpp>' '#include "node/node.h"'
write sim/ok_main.cc '#include <thread>' 'std::thread t;' '#include "sim/disk.h"'
write sim/ok4.cc "#include <boost/json.hpp>" 'std::shuffle(a, b, c);  // house: c is our own generator' '#include "api/handler.h"'
write tests/node/ok5_test.cc '#include <sqlite3.h>' '#include <thread>' '#include "sim/disk.h"'
write tests/data/ok6.cc "$(seq 1 500)" '/work/x'
write docs/ok7.md 'The network/work/root of it; see src/work/root/.'
write src/sql/ok8.cc '#include "storage/manifest.h"' '#include "wire/command.h"'
write src/node/ok9.h "namespace boost { class x; }" "boost::x* y;"
write src/node/ok9.cc "" && printf '#include "node/ok9.h"\n\nint x;\n' >src/node/ok9.cc

violations >"$tree/found"
wrong=0
for file in "${!expected[@]}"; do
  if ! grep -q "^$file:[0-9]*: ${expected[$file]}: " found; then
    echo "self-test: $file: the rule '${expected[$file]}' did not report it" >&2
    wrong=1
  fi
done
for file in "${lookalikes[@]}"; do
  if grep "^$file:" found >&2; then
    echo "self-test: $file is in order but was reported" >&2
    wrong=1
  fi
done
[[ $wrong == 0 ]] || exit 1
# And the exit code: violations end check() with 1, whatever else is in the tree.
if check >/dev/null 2>&1; then
  echo "self-test: check passes a tree full of violations" >&2
  exit 1
fi
echo "self-test: ${#expected[@]} planted violations reported, ${#lookalikes[@]} lookalikes passed"
