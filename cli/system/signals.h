// SPDX-License-Identifier: Apache-2.0
// Stopping on request: the first SIGINT, SIGTERM or SIGHUP sets a flag that the run looks at, the second ends the
// process at once.
#pragma once

#include <signal.h>

#include <atomic>

namespace ckmerge::cli {

/// True while a progress bar is on the terminal: the second signal erases it before it ends the process.
extern std::atomic<bool> progress_line_stands;

/// Catches the signals from now until the end of the process. One that was ignored at the start (nohup, a background
/// job) stays ignored.
void catch_stop_signals();

/// Set by the first signal; RunOptions::stop takes it.
const std::atomic<bool>& stop_flag();

/// From now on the first signal is answered by `line`, and nothing else comes of it; one that was caught already is
/// answered at once. Null: no longer. REQUIRES: it lives as long as the process.
void answer_stop_with(const char* line);

/// 128 + the signal that was caught: the exit status of an interrupted run. 130 when it was none.
int stop_status();

/// A closed pipe and a limit on file sizes are errors from write(), not signals.
void leave_write_failures_to_errno();

/// The same for a thread of somebody else's process and for threads that it starts, as long as this lives; what the
/// process makes of these signals stays as it is.
class HeldWriteSignals {
 public:
  HeldWriteSignals();
  HeldWriteSignals(const HeldWriteSignals&) = delete;
  HeldWriteSignals& operator=(const HeldWriteSignals&) = delete;
  ~HeldWriteSignals();

 private:
  sigset_t before_;  // what the thread held back anyway
};

}  // namespace ckmerge::cli
