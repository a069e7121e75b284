// SPDX-License-Identifier: Apache-2.0
// The command line as a caller: results go to standard output, everything else to standard error, signals end the work.
#pragma once

#include "cli/report/caller.h"

namespace ckmerge::cli {

class Terminal final : public Caller {
 public:
  using Caller::Caller;

  void tell(std::string_view text) override;  ///< throws BrokenPipe as well
  void tell(const JsonWriter& document) override;
  void warn(const std::string& sentence) noexcept override;
  std::unique_ptr<ProgressView> watch(const Settings& settings, uint64_t total) override;
  /// Catches signals from now on, and faults of mapped files that lose their pages.
  StopFlag stop() override;
};

}  // namespace ckmerge::cli
