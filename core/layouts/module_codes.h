// SPDX-License-Identifier: Apache-2.0
// Which tensors are codes of a quantizer or belong to some: they may get other names, but one scale stands for all of a
// module, so that its rows cannot be cut apart or put beside others'.
#pragma once

#include <optional>
#include <string_view>

#include "io/table/code_judge.h"

namespace ckmerge {

/// For one thread.
class ModuleCodes {
 public:
  /// REQUIRES: `tensors` are sorted by name, and outlive this.
  explicit ModuleCodes(const TensorTable& tensors);

  /// The form of the codes that tensor `index` is or stands by; empty: it is numbers.
  std::string_view kind(size_t index) const;
  /// The tensor called `weight` in the module of tensor `index`; npos: there is none.
  size_t weight_beside(size_t index) const;

 private:
  const TensorTable& tensors_;
  std::optional<CodeJudge> judge_;  // none: no dtype of the table can be a code's
};

}  // namespace ckmerge
