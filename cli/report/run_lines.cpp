// SPDX-License-Identifier: Apache-2.0
#include "cli/report/run_lines.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/options/sizes.h"
#include "cli/report/device_text.h"
#include "cli/report/folder_report.h"
#include "cli/system/system.h"
#include "io/hash/sha256.h"

namespace ckmerge::cli {
namespace {

// NaN and Inf that are as an input has them.
uint64_t inherited(const StoreCounts& counts) {
  return counts.non_finite - counts.created - counts.overflowed - counts.lost_inf;
}

std::string loss_line(const MergeFacts& facts, const StoreLoss& loss) {
  const Step& step = facts.plan.steps[loss.step];
  std::vector<std::string> parts;
  const auto add = [&](uint64_t count, const char* what) {
    if (count) parts.push_back(grouped(count) + " " + what);
  };
  add(loss.counts.saturated, "stored as the largest finite value");
  add(loss.counts.overflowed, "stored as Inf");
  add(loss.counts.lost_inf, "Inf stored as NaN");
  add(loss.counts.created, "NaN or Inf that the merge made");
  add(loss.counts.negative, "below 0, of a variance");
  add(loss.counts.vanished, loss.all_zero               ? "stored as 0, and no other value left"
                            : loss.counts.vanished == 1 ? "stored as 0 though it is not"
                                                        : "stored as 0 though they are not");
  add(inherited(loss.counts), "NaN or Inf of the inputs");
  return shortened(facts.tensor(step).name, kNameWidth) + "  " + info(step.dtype).name + ": " + joined(parts, ", ");
}

}  // namespace

std::string count_line(uint64_t count, const std::string& phrase) {
  const std::string digits = grouped(count);
  return std::string(11 - std::min<size_t>(digits.size(), 9), ' ') + digits + "  " + phrase + "\n";
}

std::string percent(double share) {
  std::array<char, 32> text;
  return {text.data(), static_cast<size_t>(std::snprintf(text.data(), text.size(), "%.2f %%", 100 * share))};
}

std::string differing_lines(const MergeFacts& facts, const RunReport& report) {
  if (report.differing.empty()) return "";
  return count_line(report.differing.size(), "of those copied from A are different in another checkpoint") +
         listed(report.differing.size(), [&](size_t i) {
           return shortened(facts.tensor(facts.plan.steps[report.differing[i]]).name, kNameWidth);
         });
}

std::string loss_lines(const MergeFacts& facts, const RunReport& report) {
  if (report.losses.empty()) return "";
  return count_line(report.losses.size(), "with values that are not finite or that their dtype does not hold") +
         listed(report.losses.size(), [&](size_t i) { return loss_line(facts, report.losses[i]); });
}

std::string speed_line(const RunReport& report) {
  std::string out = duration_text(report.seconds) + ", read " + size_text(report.bytes_read) + ", wrote " +
                    size_text(report.bytes_written) + ", together " +
                    rate_text(static_cast<double>(report.bytes_read + report.bytes_written), report.seconds);
  if (const uint64_t peak = peak_memory()) out += ", peak memory " + memory_text(peak);
  return out + "\n";
}

std::string input_hash_lines(const RunReport& report) {
  std::string out;
  for (size_t k = 0; k < report.input_hashes.size(); ++k)
    out += "  " + letter(k) +
           (report.input_hashes[k].sha256.empty() ? "  in memory, not hashed"
                                                  : "  sha256 " + report.input_hashes[k].sha256) +
           "\n";
  return out;
}

std::string output_hash_lines(const MergeFacts& facts, const RunReport& report) {
  std::string out;
  if (report.sums.size() > 1)
    out += "  sha256 " + sums_of_whole(facts, report).sha256 + " (of the list of the files' sums)\n";
  const size_t shown = facts.verbose ? report.sums.size() : std::min(report.sums.size(), kListed);
  for (size_t k = 0; k < shown; ++k) {
    const OutputSums& sums = report.sums[k];
    out += "  sha256 " + sums.sha256 + "\n  short hash " + std::string(short_hash(sums.sha256)) +
           (sums.tensor_sha256.empty() ? "" : ", AutoV3 " + sums.tensor_sha256.substr(0, 12)) + " (" +
           visible(facts.files.empty() ? facts.output : facts.files[k].weights) + ")\n";
  }
  if (shown < report.sums.size()) out += "  ... and " + grouped(report.sums.size() - shown) + " more\n";
  return out;
}

std::string how_lines(const RunReport& report) {
  return std::string("  kernels ") + report.isa + ", " + counted(report.threads, "thread") + ", " +
         counted(report.tiles_in_flight, "tile") + " of " + memory_text(report.tile_size) + " in flight\n" +
         "  device " + visible(device_text(report.device)) + "\n" + "  page cache " +
         (report.drops_cache ? "dropped behind the run" : "kept") + "; " + visible(report.output_description) + "\n";
}

}  // namespace ckmerge::cli
