// SPDX-License-Identifier: Apache-2.0
// Showing how far a merge is, on stderr: a bar redrawn in place on a terminal, a line now and then elsewhere, one JSON
// object per line for programs. Bytes and rates are those of the stage; hashing and verifying are named.
#pragma once

#include <string>

#include "cli/options/progress_kind.h"
#include "core/engine/run.h"

namespace ckmerge::cli {

/// The bar for a terminal of `width` columns: as many facts as have room, in fewer than `width` columns. Pure, for
/// tests.
std::string bar_line(const Progress& progress, unsigned width);

/// One line without a line end for ProgressKind::plain.
std::string plain_line(const Progress& progress);

/// One line for ProgressKind::json.
std::string progress_event(const Progress& progress);

class ProgressView {
 public:
  ProgressView(ProgressKind kind, uint64_t total);
  ProgressView(const ProgressView&) = delete;
  ProgressView& operator=(const ProgressView&) = delete;
  ~ProgressView();  ///< takes the bar off the terminal, however the run ended

  /// RunOptions::on_progress.
  void update(const Progress& progress);
  /// The run succeeded.
  void finish(const RunReport& report);
  /// The same of a command that has no report: `total` bytes in so many seconds.
  void finish(uint64_t total, double seconds);

 private:
  ProgressKind kind_;
  uint64_t total_;
  Stage stage_ = Stage::merge;  // of the last update
  double next_ = 0;             // seconds into the stage, when the next line is due
};

}  // namespace ckmerge::cli
