#include "sim/report.h"

#include <fmt/format.h>

#include <utility>

#include "base/codec.h"

namespace lockstep::sim {
namespace {

// A sweep this long without any stale read at a level that allows it has lost its teeth.
constexpr std::uint64_t kTeethSeeds = 200;

std::string counts_text(const std::array<Record::Count, kActs>& counts) {
  std::string text = "operations (ok/failed/unknown):";
  for (std::size_t i = 0; i < kActs; ++i) {
    text += fmt::format(" {} {}/{}/{}", act_name(static_cast<Act>(i)), counts[i].ok,
                        counts[i].failed, counts[i].unknown);
    if (i + 1 < kActs) text += ",";
  }
  return text + "\n";
}

std::string stale_text(const Staleness& staleness) {
  return fmt::format("stale reads: none {}, weak {}, linearizable {}, strong {}\n",
                     staleness.stale[0], staleness.stale[1], staleness.stale[2],
                     staleness.stale[3]);
}

}  // namespace

std::string encode(const SeedReport& report) {
  Encoder out;
  out.u64(report.seed);
  out.u64(report.hash);
  out.u64(report.events);
  out.u64(report.strikes);
  out.u64(report.leaders);
  out.u64(report.images);
  out.u64(report.repairs);
  out.u64(report.entries);
  out.i64(report.virtual_time.count());
  out.string(report.swarm);
  for (const Record::Count& count : report.counts) {
    out.u64(count.ok);
    out.u64(count.failed);
    out.u64(count.unknown);
  }
  for (const std::uint64_t reads : report.staleness.reads) out.u64(reads);
  for (const std::uint64_t stale : report.staleness.stale) out.u64(stale);
  out.boolean(report.violation.has_value());
  const Violation violation = report.violation.value_or(Violation{});
  out.string(violation.rule);
  out.string(violation.text);
  out.i64(violation.when.time_since_epoch().count());
  return out.take();
}

Result<SeedReport> decode_report(std::string_view bytes) {
  Decoder in(bytes);
  SeedReport report;
  report.seed = in.u64();
  report.hash = in.u64();
  report.events = in.u64();
  report.strikes = in.u64();
  report.leaders = in.u64();
  report.images = in.u64();
  report.repairs = in.u64();
  report.entries = in.u64();
  report.virtual_time = Duration(in.i64());
  report.swarm = in.string();
  for (Record::Count& count : report.counts) {
    count.ok = in.u64();
    count.failed = in.u64();
    count.unknown = in.u64();
  }
  for (std::uint64_t& reads : report.staleness.reads) reads = in.u64();
  for (std::uint64_t& stale : report.staleness.stale) stale = in.u64();
  const bool violated = in.boolean();
  Violation violation;
  violation.rule = in.string();
  violation.text = in.string();
  violation.when = TimePoint(Duration(in.i64()));
  if (violated) report.violation = std::move(violation);
  if (!in.complete()) return fail(Errc::corrupt, "report of a seed");
  return report;
}

void SweepReport::add(const SeedReport& report) {
  ++seeds;
  events += report.events;
  strikes += report.strikes;
  leaders += report.leaders;
  images += report.images;
  repairs += report.repairs;
  entries += report.entries;
  virtual_time += report.virtual_time;
  for (std::size_t i = 0; i < kActs; ++i) {
    counts[i].ok += report.counts[i].ok;
    counts[i].failed += report.counts[i].failed;
    counts[i].unknown += report.counts[i].unknown;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    staleness.reads[i] += report.staleness.reads[i];
    staleness.stale[i] += report.staleness.stale[i];
  }
  if (!report.violation) return;
  ++violated;
  if (!first_violated || report.seed < first_violated->seed) first_violated = report;
}

std::string describe(const SeedReport& report) {
  return fmt::format(
      "seed {}\n{}\n{:.3f} s of virtual time, {} events, {} faults, {} leaders, {} entries, {} "
      "images, {} repairs\n{}{}"
      "hash {:016x}\n",
      report.seed, report.swarm, static_cast<double>(report.virtual_time / milliseconds(1)) / 1000,
      report.events, report.strikes, report.leaders, report.entries, report.images, report.repairs,
      counts_text(report.counts), stale_text(report.staleness), report.hash);
}

std::string describe(const SweepReport& report) {
  std::string text = fmt::format(
      "{} seeds, {} violated; {} h {} min of virtual time, {} events, {} faults, {} leaders, {} "
      "entries, {} images, {} repairs\n{}{}",
      report.seeds, report.violated, report.virtual_time / std::chrono::hours(1),
      report.virtual_time / std::chrono::minutes(1) % 60, report.events, report.strikes,
      report.leaders, report.entries, report.images, report.repairs, counts_text(report.counts),
      stale_text(report.staleness));
  const bool toothless = report.staleness.stale[0] == 0 || report.staleness.stale[1] == 0;
  if (report.seeds >= kTeethSeeds && toothless) {
    text +=
        "warning: no stale read at level none or weak: these runs could not tell the levels "
        "apart\n";
  }
  return text;
}

std::string describe_violation(const SeedReport& report, const SimOptions& options) {
  const Violation& violation = *report.violation;
  return fmt::format("seed {} violated, at {} s: {}\n{}{}replay: {}\n", report.seed,
                     seconds_text(violation.when), violation.rule, violation.text,
                     violation.text.ends_with('\n') ? "" : "\n",
                     replay_command(options, report.seed));
}

}  // namespace lockstep::sim
