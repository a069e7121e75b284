// SPDX-License-Identifier: Apache-2.0
// The values of a small tensor as numbers, for judging: schedules, positions, marks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Elements; a noise schedule has some thousand, a table of positions some ten thousand.
inline constexpr uint64_t kMostSmallValues = 1 << 16;

/// The elements of tensor `row` of `checkpoint`, in order; empty where it has more than kMostSmallValues, or a dtype
/// that is no number. Throws as InputFile::read_at() does.
std::optional<std::vector<double>> small_values(const Checkpoint& checkpoint, size_t row);

}  // namespace ckmerge
