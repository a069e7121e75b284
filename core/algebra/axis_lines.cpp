// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/axis_lines.h"

#include <algorithm>
#include <vector>

#include "core/threads/stop_pace.h"

namespace ckmerge {
namespace {

constexpr uint64_t kLinesAtATime = 16;

// Lines [first, first + count) of a block, or of as many blocks where they are one element wide.
struct LinesPlace {
  uint64_t first, count, next;  ///< index of the first element, and how far the next line is from a line

  double* of(double* tensor, const Axis& axis, uint64_t i) const { return tensor + first + i * axis.inner; }
};

uint64_t groups_of(const Axis& axis) {
  const uint64_t across = axis.inner == 1 ? axis.outer : axis.inner;
  return (across + kLinesAtATime - 1) / kLinesAtATime * (axis.inner == 1 ? 1 : axis.outer);
}

LinesPlace place_of(const Axis& axis, uint64_t group) {
  if (axis.inner == 1) {
    const uint64_t first = group * kLinesAtATime;
    return {first * axis.length, std::min(kLinesAtATime, axis.outer - first), axis.length};
  }
  const uint64_t in_block = (axis.inner + kLinesAtATime - 1) / kLinesAtATime;
  const uint64_t block = group / in_block, first = group % in_block * kLinesAtATime;
  return {block * axis.length * axis.inner + first, std::min(kLinesAtATime, axis.inner - first), 1};
}

}  // namespace

uint64_t lines_at_a_time(const Axis& axis) {
  return std::min(kLinesAtATime, axis.inner == 1 ? axis.outer : axis.inner);
}

Axis axis_of(std::span<const uint64_t> shape, size_t axis) {
  Axis out{.length = shape[axis]};
  for (size_t k = 0; k < shape.size(); ++k)
    if (k != axis) (k < axis ? out.outer : out.inner) *= shape[k];
  return out;
}

void for_each_lines(std::span<double* const> tensors, const Axis& axis, const Hands& hands,
                    const std::function<void(std::span<const AxisLines> lines)>& change) {
  // Some 1 MiB of lines at a time, so that the stop flag is looked at often, and buffers are made seldom.
  const uint64_t size = axis.length * lines_at_a_time(axis);
  const uint64_t each = std::max<uint64_t>(1, (uint64_t{1} << 17) / size);
  hands.share(groups_of(axis), each, [&](uint64_t begin, uint64_t end) {
    std::vector<double> buffer(tensors.size() * size);
    std::vector<AxisLines> lines(tensors.size());
    StopPace pace(hands, true);
    for (uint64_t group = begin; group < end; ++group) {
      const LinesPlace place = place_of(axis, group);
      for (size_t t = 0; t < tensors.size(); ++t) {
        double* const to = buffer.data() + t * size;
        lines[t] = {{to, axis.length * place.count}, place.count};
        for (uint64_t i = 0; i < axis.length; ++i) {
          pace.begin(place.count);
          for (uint64_t k = 0; k < place.count; ++k)
            to[i * place.count + k] = place.of(tensors[t], axis, i)[k * place.next];
        }
      }
      change(lines);
      for (size_t t = 0; t < tensors.size(); ++t)
        for (uint64_t i = 0; i < axis.length; ++i) {
          pace.begin(place.count);
          for (uint64_t k = 0; k < place.count; ++k)
            place.of(tensors[t], axis, i)[k * place.next] = lines[t].elements[i * place.count + k];
        }
    }
  });
}

uint64_t lines_memory(size_t tensors, const Axis& axis) {
  return tensors * axis.length * lines_at_a_time(axis) * sizeof(double);
}

}  // namespace ckmerge
