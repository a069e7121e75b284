// SPDX-License-Identifier: Apache-2.0
// Variances that a normalisation keeps. They are merged like other numbers, but none of them can be below zero.
#pragma once

#include <string_view>

namespace ckmerge {

/// Whether `name` is that of one: torch's `running_var`, TensorFlow's and Keras's `moving_variance`, paddle's
/// `_variance`, JAX's `var` of `batch_stats`.
bool is_variance(std::string_view name);

}  // namespace ckmerge
