// SPDX-License-Identifier: Apache-2.0
#include "cli/report/terminal.h"

#include "cli/report/progress.h"
#include "cli/system/signals.h"
#include "cli/system/text.h"
#include "io/file/input_windows.h"

namespace ckmerge::cli {
namespace {

// Runs shorter than this show nothing: a bar that flashes by helps nobody.
constexpr double kBarAfterSeconds = 0.2;
constexpr double kPlainEverySeconds = 5;

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

// What is told when a signal comes too late.
const char* waiting_line(ProgressKind kind) {
  if (kind == ProgressKind::json)
    return "{\"event\":\"waiting\",\"message\":\"the output is complete; waiting for the disk to have all of it\"}\n";
  return "the output is complete; waiting for the disk to have all of it, then it is put in place; a second signal "
         "ends ckmerge at once and leaves the target as it was\n";
}

// On stderr: a bar redrawn in place on a terminal, a line now and then elsewhere, one JSON object per line for
// programs.
class TerminalProgress final : public ProgressView {
 public:
  TerminalProgress(ProgressKind kind, uint64_t total) : kind_(kind), next_(first_line(kind)) {
    if (kind == ProgressKind::json) write_stderr(start_event(total) + "\n");
  }
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;
  ~TerminalProgress() override { erase_bar(); }

  void update(const Progress& progress) override {
    if (progress.stage != stage_) {  // its seconds begin anew
      stage_ = progress.stage;
      next_ = first_line(kind_);
    }
    if (kind_ == ProgressKind::none || progress.seconds < next_) return;
    if (kind_ == ProgressKind::json) write_stderr(progress_event(progress) + "\n");
    if (kind_ == ProgressKind::plain) {
      write_stderr(plain_line(progress) + "\n");
      next_ = progress.seconds + kPlainEverySeconds;
    }
    if (kind_ == ProgressKind::bar) {
      progress_line_stands.store(true);
      write_stderr(std::string("\r").append(bar_line(progress, terminal_width())).append("\x1b[J\r"));
    }
  }

  void commit() override { answer_stop_with(waiting_line(kind_)); }

  void finish(uint64_t total, double seconds) override {
    answer_stop_with(nullptr);
    erase_bar();
    if (kind_ == ProgressKind::json) write_stderr(finish_event(total, seconds) + "\n");
  }

 private:
  ProgressKind kind_;
  Stage stage_ = Stage::merge;  // of the last update
  double next_;                 // seconds into the stage, when the next line is due
};

}  // namespace

void Terminal::tell(std::string_view text) { write_stdout(text); }

void Terminal::tell(const JsonWriter& document) { write_document(document); }

void Terminal::warn(const std::string& sentence) noexcept try {
  write_stderr("warning: " + shortened(sentence, kSentenceWidth) + "\n");
} catch (...) {  // no memory, of which the command's own failure will say enough
}

std::unique_ptr<ProgressView> Terminal::watch(const Settings& settings, uint64_t total) {
  const ProgressKind kind = settings.quiet ? ProgressKind::none : progress_kind(settings.progress, environment);
  return std::make_unique<TerminalProgress>(kind, total);
}

StopFlag Terminal::stop() {
  catch_stop_signals();
  install_sigbus_guard();
  return &stop_flag();
}

}  // namespace ckmerge::cli
