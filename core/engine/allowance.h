// SPDX-License-Identifier: Apache-2.0
// What a run may take where memory, or addresses, run out: fewer windows and threads are tried before it fails, and the
// failure says how much would do.
#pragma once

#include <functional>
#include <string>

#include "core/engine/run.h"
#include "core/threads/machine.h"

namespace ckmerge {

class Allowance {
 public:
  explicit Allowance(const RunOptions& options);
  Allowance(const Allowance&) = delete;

  /// For the next try.
  const RunOptions& options() const { return options_; }

  /// A try failed for `reason`. Throws Error(resources) where there is no less to be tried, or the output was being put
  /// in place.
  void take_less(const std::string& reason);

  /// Fails for the reason of the first try, where this was not the first: less than was tried cannot be used.
  void fail_if_less() const;

 private:
  [[noreturn]] void fail(const std::string& reason) const;

  RunOptions options_;
  const AddressSpace addresses_ = address_space();  // before anything is taken
  std::string first_reason_;
  bool committing_ = false;
};

}  // namespace ckmerge
