// SPDX-License-Identifier: Apache-2.0
// The lines of a tensor along one of its axes, some at a time and beside each other, so that what is done to a line is
// done to all of them in the innermost loop.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core/threads/hands.h"

namespace ckmerge {

/// A tensor as an axis of it sees it: `outer` blocks of `length` rows of `inner` elements.
struct Axis {
  uint64_t outer = 1, length = 1, inner = 1;
};

/// REQUIRES: `axis` < shape.size().
Axis axis_of(std::span<const uint64_t> shape, size_t axis);

/// Lines that are handed out together, at most.
uint64_t lines_at_a_time(const Axis& axis);

/// Lines side by side: element i of line k is at [i * count + k].
struct AxisLines {
  std::span<double> elements;
  uint64_t count = 0;
};

/// Calls change(lines) for all lines of `elements` along the axis, on all hands, and puts back what becomes of them. Of
/// `elements` there may be several tensors of one shape (real and imaginary parts): lines of each, in order.
void for_each_lines(std::span<double* const> tensors, const Axis& axis, const Hands& hands,
                    const std::function<void(std::span<const AxisLines> lines)>& change);

/// Bytes that it holds on each of the hands' threads.
uint64_t lines_memory(size_t tensors, const Axis& axis);

}  // namespace ckmerge
