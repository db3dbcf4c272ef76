# What ci/test runs beyond the unit tests, as tests of CTest's configuration `ci`: a plain `ctest`
# runs the unit tests alone, `ctest -C ci` everything. Names are ci.SECTION.WHAT, so that a section
# can be chosen by name. Included at the end of tests/CMakeLists.txt.
include(ProcessorCount)
ProcessorCount(jobs)
if(jobs EQUAL 0)
  set(jobs 1)
endif()

# lockstep_ci_test(NAME MINUTES COMMAND...): the command lies below the root of the tree. Run alone,
# since each takes all cores or measures time.
function(lockstep_ci_test name minutes command)
  math(EXPR seconds "${minutes} * 60")
  add_test(NAME ci.${name} COMMAND ${CMAKE_SOURCE_DIR}/${command} ${ARGN} CONFIGURATIONS ci
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(ci.${name} PROPERTIES TIMEOUT ${seconds} RUN_SERIAL TRUE)
endfunction()

lockstep_ci_test(cluster.startup 2 ci/startup_test)
lockstep_ci_test(cluster.founding 3 ci/founding_test)
lockstep_ci_test(cluster.identity 4 ci/identity_test)
lockstep_ci_test(cluster.story 5 ci/cluster_test)
lockstep_ci_test(cluster.bench 2 ci/bench_test)
lockstep_ci_test(tsan.load 5 ci/tsan_load 20)
lockstep_ci_test(asan.unit 35 ci/asan_unit)
lockstep_ci_test(asan.sweep 15 build/asan/bin/lockstep-sim --seeds 1..40 --jobs ${jobs})
lockstep_ci_test(sim.sweep 25 build/release/bin/lockstep-sim --seeds 1..1000 --jobs ${jobs})
lockstep_ci_test(sim.twice 10 build/release/bin/lockstep-sim --seeds 1..50 --twice)
lockstep_ci_test(hashes.compare 10 ci/compare_hashes 1..20)
lockstep_ci_test(teeth.bugs 20 ci/teeth --least 32 --minutes 15)

file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/fuzz_*.cc)
foreach(fuzzer ${fuzzers})
  get_filename_component(name ${fuzzer} NAME_WE)
  string(REPLACE "fuzz_" "" name ${name})
  lockstep_ci_test(fuzz.${name} 3 ci/fuzz ${name} 30)
  set_tests_properties(ci.fuzz.${name} PROPERTIES RUN_SERIAL FALSE)
endforeach()
