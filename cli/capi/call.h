// SPDX-License-Identifier: Apache-2.0
// A call of the C interface as a caller: the result becomes its answer, what is said besides goes to its functions.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "cli/capi/ckmerge.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

class Call final : public Caller {
 public:
  Call(const Environment& environment, const ckmerge_call_options& options) : Caller(environment), options_(options) {}

  void tell(std::string_view text) override;  ///< never: requests ask for documents
  void tell(const JsonWriter& document) override { answer_ = document.text(); }
  void warn(const std::string& sentence) noexcept override;
  /// A file, or a checkpoint in memory.
  Checkpoint open(const std::string& path, const OpenOptions& how = {}) override;
  std::unique_ptr<ProgressView> watch(const Settings& settings, uint64_t total) override;
  StopFlag stop() override;

  const std::string& answer() const { return answer_; }

  /// Hands an event to whoever called, who may want the call to end.
  void progress(const std::string& event);

 private:
  const ckmerge_call_options& options_;
  std::string answer_;
  std::atomic<bool> ends_{false};
};

}  // namespace ckmerge::cli
