// SPDX-License-Identifier: Apache-2.0
// A method that a formula calls, held against what the method says of itself.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/formula/expression.h"
#include "kernels/method.h"

namespace ckmerge {

/// "; did you mean 'slerp'?", or nothing where none of `known` is near.
std::string suggestion(std::string_view typed, std::span<const std::string> known);

/// The method that `call` calls. Throws Error(usage) for one that is unknown.
const MethodSpec& called_method(const Expression& call);

struct CallParameter {
  const ParameterSpec* spec = nullptr;
  std::vector<double> values = {};            ///< of a flag 1 or 0; of arithmetic with names 0
  std::vector<const Expression*> given = {};  ///< as many, where it was given
};

/// The parameters of `call` in the order of the method's, defaults filled in (default_value_of()). Throws Error(usage)
/// for a parameter that the method lacks or that is given twice, and for a value of another kind than the parameter's.
std::vector<CallParameter> parameters_of(const Expression& call);

}  // namespace ckmerge
