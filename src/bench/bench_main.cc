// lockstep-bench: see usage() in options.cc and docs/bench.md.
#include <cstdio>
#include <string>
#include <vector>

#include "bench/disk.h"
#include "bench/load.h"
#include "bench/options.h"

namespace {

using namespace lockstep;
using namespace lockstep::bench;

double in_us(Nanos t) {
  return static_cast<double>(t.count()) / 1000.0;
}

void print_lines(Measured& m) {
  const double seconds = in_us(m.elapsed) / 1e6;
  const auto count = m.latencies.count();
  std::printf("requests  %llu in %.2f s = %.0f/s, errors %llu\n",
              static_cast<unsigned long long>(count), seconds, static_cast<double>(count) / seconds,
              static_cast<unsigned long long>(m.errors));
  std::printf("latency   p50 %.1f us, p90 %.1f us, p99 %.1f us, max %.1f us, mean %.1f us\n",
              in_us(m.latencies.percentile(500)), in_us(m.latencies.percentile(900)),
              in_us(m.latencies.percentile(990)), in_us(m.latencies.percentile(1000)),
              in_us(m.latencies.mean()));
  if (m.server_cpu.count() > 0 && count > 0)
    std::printf("server    %.1f us CPU per request\n",
                in_us(m.server_cpu) / static_cast<double>(count));
  if (!m.first_error.empty()) std::printf("first error: %s\n", m.first_error.c_str());
}

void print_json(Measured& m) {
  const double seconds = in_us(m.elapsed) / 1e6;
  const auto count = m.latencies.count();
  const double per_request = count > 0 ? in_us(m.server_cpu) / static_cast<double>(count) : 0.0;
  std::printf(
      "{\"requests\":%llu,\"errors\":%llu,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%.1f,"
      "\"p90_us\":%.1f,"
      "\"p99_us\":%.1f,\"max_us\":%.1f,\"mean_us\":%.1f,\"server_cpu_us\":%.2f}\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(m.errors), seconds,
      static_cast<double>(count) / seconds, in_us(m.latencies.percentile(500)),
      in_us(m.latencies.percentile(900)), in_us(m.latencies.percentile(990)),
      in_us(m.latencies.percentile(1000)), in_us(m.latencies.mean()), per_request);
}

bool write_log(const std::string& path, const std::vector<Sample>& log) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  for (const auto& [since, latency] : log) {
    const auto at = std::chrono::duration_cast<std::chrono::microseconds>(since.time_since_epoch());
    std::fprintf(file, "%lld %.1f\n", static_cast<long long>(at.count()), in_us(latency));
  }
  const bool whole = std::ferror(file) == 0;
  return std::fclose(file) == 0 && whole;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) {
    std::fprintf(stderr, "lockstep-bench: %s\n", options.error().text.c_str());
    return 2;
  }
  if (options->help) {
    std::fputs(usage().c_str(), stdout);
    return 0;
  }
  auto measured = options->disk.empty() ? run_load(*options) : run_disk(*options);
  if (!measured) {
    std::fprintf(stderr, "lockstep-bench: %s\n", measured.error().text.c_str());
    return 1;
  }
  if (!options->log.empty() && !write_log(options->log, measured->log)) {
    std::fprintf(stderr, "lockstep-bench: cannot write %s\n", options->log.c_str());
    return 1;
  }
  if (options->json) {
    print_json(*measured);
    if (!measured->first_error.empty())
      std::fprintf(stderr, "lockstep-bench: first error: %s\n", measured->first_error.c_str());
  } else {
    print_lines(*measured);
  }
  return measured->errors == 0 ? 0 : 1;
}
