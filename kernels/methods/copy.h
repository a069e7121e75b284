// SPDX-License-Identifier: Apache-2.0
// copy: one checkpoint, rewritten in the canonical layout, with another dtype where --dtype asks for it.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct copy {
  static constexpr MethodSpec spec{
      .name = "copy",
      .summary = "one checkpoint in the canonical layout, converted where --dtype asks for it",
      .formula = "A",
      .min_inputs = 1,
      .max_inputs = 1,
      .source = "a conversion, not a merge; AUTOMATIC1111's \"No interpolation\"",
      .aliases = {"No interpolation", "NoIn"}};

  static size_t coefficient_count(size_t) { return 0; }
  static const char* coefficients(const Arguments&, std::span<double>) { return nullptr; }
  static auto formula(const auto& in) { return in.x(0); }
};

}  // namespace ckmerge::method
