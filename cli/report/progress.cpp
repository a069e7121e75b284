// SPDX-License-Identifier: Apache-2.0
#include "cli/report/progress.h"

#include <algorithm>
#include <cmath>

#include "cli/options/numbers.h"
#include "cli/options/sizes.h"
#include "cli/system/signals.h"
#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

// Runs shorter than this show nothing: a bar that flashes by helps nobody.
constexpr double kBarAfterSeconds = 0.2;
constexpr double kPlainEverySeconds = 5;

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
         ",\"seconds\":" + number_text(progress.seconds) + ",\"rate\":" + number_text(rate) + "}\n";
}

// The cursor rests where the bar begins. A terminal that grows narrower breaks the bar into several rows and keeps the
// cursor at the character it was on: from there everything is erased, whatever became of the bar.
constexpr const char* kErase = "\r\x1b[J";

void erase_bar() {
  if (!progress_line_stands.load()) return;
  write_stderr(kErase);
  progress_line_stands.store(false);
}

// Seconds into a stage; a bar that stands shows the new stage at once.
double first_line(ProgressKind kind) {
  if (kind == ProgressKind::plain) return kPlainEverySeconds;
  return kind == ProgressKind::bar && !progress_line_stands.load() ? kBarAfterSeconds : 0;
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

std::string progress_event(const Progress& progress) {
  constexpr const char* kStages[] = {"hash", "merge", "seal", "verify", "scan"};
  return std::string("{\"event\":\"progress\",\"stage\":\"") + kStages[static_cast<size_t>(progress.stage)] + "\"," +
         figures(progress);
}

ProgressView::ProgressView(ProgressKind kind, uint64_t total) : kind_(kind), total_(total), next_(first_line(kind)) {
  if (kind == ProgressKind::json) write_stderr("{\"event\":\"start\",\"total\":" + std::to_string(total) + "}\n");
}

ProgressView::~ProgressView() { erase_bar(); }

void ProgressView::update(const Progress& progress) {
  if (progress.stage != stage_) {  // its seconds begin anew
    stage_ = progress.stage;
    next_ = first_line(kind_);
  }
  if (kind_ == ProgressKind::none || progress.seconds < next_) return;
  if (kind_ == ProgressKind::json) write_stderr(progress_event(progress));
  if (kind_ == ProgressKind::plain) {
    write_stderr(plain_line(progress) + "\n");
    next_ = progress.seconds + kPlainEverySeconds;
  }
  if (kind_ == ProgressKind::bar) {
    progress_line_stands.store(true);
    write_stderr(std::string("\r").append(bar_line(progress, terminal_width())).append("\x1b[J\r"));
  }
}

void ProgressView::finish(const RunReport& report) { finish(total_, report.seconds); }

void ProgressView::finish(uint64_t total, double seconds) {
  erase_bar();
  if (kind_ == ProgressKind::json)
    write_stderr("{\"event\":\"finish\"," + figures({.done = total, .total = total, .seconds = seconds}));
}

}  // namespace ckmerge::cli
