// SPDX-License-Identifier: Apache-2.0
#include "cli/report/progress.h"

#include <algorithm>
#include <cmath>

#include "cli/options/numbers.h"
#include "cli/options/sizes.h"
#include "cli/system/text.h"

namespace ckmerge::cli {
namespace {

double fraction(const Progress& progress) {
  return progress.total == 0 ? 1 : static_cast<double>(progress.done) / static_cast<double>(progress.total);
}

std::string percent(const Progress& progress) {
  const std::string digits = std::to_string(static_cast<int>(fraction(progress) * 100));
  return std::string(3 - std::min<size_t>(digits.size(), 3), ' ') + digits + "%";
}

// Before the percentage; a merge that merges needs no name.
std::string stage_word(const Progress& progress) {
  constexpr const char* kWords[] = {"hashing ", "", "sealing ", "verifying ", "scanning "};
  return kWords[static_cast<size_t>(progress.stage)];
}

std::string left(const Progress& progress) {
  if (progress.done == 0 || progress.done >= progress.total) return "";
  const double rest = std::max(1.0, std::round(progress.seconds * (1 - fraction(progress)) / fraction(progress)));
  return ", " + (rest < 60 ? number_text(rest) + " s" : duration_text(rest)) + " left";
}

std::string facts(const Progress& progress) {
  if (progress.stage == Stage::scan)
    return grouped(progress.done) + " of " + counted(progress.total, "file") + left(progress);
  return size_text(progress.done) + " of " + size_text(progress.total) + ", " +
         rate_text(static_cast<double>(progress.done), progress.seconds) + left(progress);
}

std::string figures(const Progress& progress) {
  const double rate = progress.seconds > 0 ? static_cast<double>(progress.done) / progress.seconds : 0;
  return "\"done\":" + std::to_string(progress.done) + ",\"total\":" + std::to_string(progress.total) +
         ",\"seconds\":" + number_text(progress.seconds) + ",\"rate\":" + number_text(rate) + "}";
}

}  // namespace

std::string bar_line(const Progress& progress, unsigned width) {
  // The last column stays free: some terminals wrap when it is written.
  const size_t room = std::max(1u, width) - 1;
  const std::string begin = stage_word(progress) + percent(progress), end = " " + facts(progress);
  if (const size_t fixed = begin.size() + end.size() + 3; fixed + 10 <= room) {
    const size_t cells = std::min<size_t>(room - fixed, 40);
    const auto full = static_cast<size_t>(fraction(progress) * static_cast<double>(cells));
    return begin + " [" + std::string(full, '#') + std::string(cells - full, '.') + "]" + end;
  }
  for (const std::string& line : {begin + " " + end, begin + left(progress), begin, percent(progress)})
    if (line.size() <= room) return line;
  return "";
}

std::string plain_line(const Progress& progress) {
  return stage_word(progress) + percent(progress) + "  " + facts(progress);
}

std::string start_event(uint64_t total) { return R"({"event":"start","total":)" + std::to_string(total) + "}"; }

std::string progress_event(const Progress& progress) {
  constexpr const char* kStages[] = {"hash", "merge", "seal", "verify", "scan"};
  return std::string("{\"event\":\"progress\",\"stage\":\"") + kStages[static_cast<size_t>(progress.stage)] + "\"," +
         figures(progress);
}

std::string finish_event(uint64_t total, double seconds) {
  return "{\"event\":\"finish\"," + figures({.done = total, .total = total, .seconds = seconds});
}

}  // namespace ckmerge::cli
