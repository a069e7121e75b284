// SPDX-License-Identifier: Apache-2.0
// What the user asked for, names unresolved: plain data that can be printed, compared and written into a file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/method.h"

namespace ckmerge {

struct Recipe {
  std::string method = "weighted_sum";
  /// Parameters that were given, by name: one number, one per checkpoint, or 1 / 0 for a flag. Others take the method's
  /// default.
  std::map<std::string, std::vector<double>> parameters = {};
  /// What `real` tensors are stored as; empty = as the first checkpoint stores each of them.
  std::optional<Dtype> dtype = {};
};

/// "f16", "fp16", "half", "float16", "F16", ...: the dtype a person means. Throws Error(usage) that lists the names.
/// "keep" is the caller's business.
Dtype parse_dtype(std::string_view text);

/// The coefficients of `recipe` for `inputs` checkpoints, in f64, defaults filled in. Throws Error(usage): unknown
/// method or parameter, wrong number of checkpoints or weights, a number that is not finite.
std::vector<double> resolve_coefficients(const Recipe& recipe, size_t inputs);

}  // namespace ckmerge
