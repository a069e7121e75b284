// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/choices.h"
#include "cli/numbers.h"
#include "cli/signals.h"
#include "cli/sizes.h"
#include "cli/text.h"
#include "io/error.h"

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

std::string left(const Progress& progress) {
  if (progress.done == 0) return "";
  const double rest = std::max(1.0, std::round(progress.seconds * (1 - fraction(progress)) / fraction(progress)));
  return ", " + (rest < 60 ? number_text(rest) + " s" : duration_text(rest)) + " left";
}

std::string facts(const Progress& progress) {
  return size_text(progress.done) + " of " + size_text(progress.total) + ", " +
         rate_text(static_cast<double>(progress.done), progress.seconds) + left(progress);
}

std::string event(const char* kind, const Progress& progress) {
  const double rate = progress.seconds > 0 ? static_cast<double>(progress.done) / progress.seconds : 0;
  return std::string("{\"event\":\"") + kind + "\",\"done\":" + std::to_string(progress.done) +
         ",\"total\":" + std::to_string(progress.total) + ",\"seconds\":" + number_text(progress.seconds) +
         ",\"rate\":" + number_text(rate) + "}\n";
}

void erase_bar() {
  if (!progress_line_stands.load()) return;
  write_stderr("\r\x1b[K");
  progress_line_stands.store(false);
}

}  // namespace

ProgressKind parse_progress(std::string_view word, const Environment& environment) {
  using enum ProgressKind;
  static const std::vector<std::string> kWords{"auto", "bar", "plain", "json", "none"};
  const ProgressKind automatic = environment.stderr_tty && !environment.dumb ? bar : plain;
  return std::array{automatic, bar, plain, json, none}[choice_index("--progress", word, kWords)];
}

std::string bar_line(const Progress& progress, unsigned width) {
  // The last column stays free: some terminals wrap when it is written.
  const size_t room = std::max(1u, width) - 1;
  std::string line = percent(progress) + "  " + facts(progress);
  if (line.size() + 12 <= room) {
    const size_t cells = std::min<size_t>(room - line.size() - 4, 40);
    const auto full = static_cast<size_t>(fraction(progress) * static_cast<double>(cells));
    line = percent(progress) + " [" + std::string(full, '#') + std::string(cells - full, '.') + "] " + facts(progress);
  }
  return line.substr(0, room);
}

std::string plain_line(const Progress& progress) { return percent(progress) + "  " + facts(progress); }

ProgressView::ProgressView(ProgressKind kind, uint64_t total) : kind_(kind), total_(total) {
  if (kind == ProgressKind::bar) next_ = kBarAfterSeconds;
  if (kind == ProgressKind::plain) next_ = kPlainEverySeconds;
  if (kind == ProgressKind::json) write_stderr("{\"event\":\"start\",\"total\":" + std::to_string(total) + "}\n");
}

ProgressView::~ProgressView() { erase_bar(); }

void ProgressView::update(const Progress& progress) {
  if (kind_ == ProgressKind::none || progress.seconds < next_) return;
  if (kind_ == ProgressKind::json) write_stderr(event("progress", progress));
  if (kind_ == ProgressKind::plain) {
    write_stderr(plain_line(progress) + "\n");
    next_ = progress.seconds + kPlainEverySeconds;
  }
  if (kind_ == ProgressKind::bar) {
    progress_line_stands.store(true);
    write_stderr(std::string("\r").append(bar_line(progress, terminal_width())).append("\x1b[K"));
  }
}

void ProgressView::finish(const RunReport& report) {
  erase_bar();
  if (kind_ == ProgressKind::json)
    write_stderr(event("finish", {.done = total_, .total = total_, .seconds = report.seconds}));
}

}  // namespace ckmerge::cli
