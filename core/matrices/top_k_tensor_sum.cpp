// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "core/algebra/element_order.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

// Elements that one of the hands takes at a time, of which each may be far from the one before.
constexpr uint64_t kAtATime = uint64_t{1} << 16;

// Numbers of magnitudes, from the smallest on.
struct MagnitudeRange {
  uint64_t begin = 0, end = 0;
  bool is_outside = false;  // what lies outside of it is meant
};

uint64_t nearest_even(double x) {
  const auto whole = static_cast<uint64_t>(x);
  const double rest = x - static_cast<double>(whole);
  return whole + (rest > 0.5 || (rest == 0.5 && whole % 2 == 1) ? 1 : 0);
}

double without_whole(double x) { return x - static_cast<double>(static_cast<int64_t>(x)); }

// As sd-mecha counts: a negative width lies before the offset, and what goes beyond the end goes on from the beginning.
MagnitudeRange range_of(double width, double offset, uint64_t elements) {
  const auto count = static_cast<double>(elements);
  if (width < 0) offset += width;
  width = std::min(std::fabs(width), 1.0);
  if (offset < 0) offset = 1 + without_whole(offset);
  offset = without_whole(offset);
  if (width + offset <= 1) return {nearest_even(offset * count), nearest_even((width + offset) * count), false};
  return {nearest_even((width + offset - 1) * count), nearest_even(offset * count), true};
}

// Of sorted elements the smallest magnitude and those after it, by their number from 1 on; below all of them for 0. So
// many of the smallest lie beside each other.
double magnitude(std::span<const double> sorted, uint64_t number) {
  if (number == 0) return -1;
  uint64_t least = 0, most = sorted.size() - number;
  while (least < most) {
    const uint64_t middle = (least + most) / 2;
    if (-sorted[middle] > sorted[middle + number])
      least = middle + 1;
    else
      most = middle;
  }
  return std::max(std::fabs(sorted[least]), std::fabs(sorted[least + number - 1]));
}

Matrix plain_top_k_tensor_sum(const WholeTensor& tensor) { return tensor.inputs[0]; }

Matrix make_top_k_tensor_sum(const WholeTensor& tensor) {
  const Matrix &a = tensor.inputs[0], &b = tensor.inputs[1];
  const uint64_t count = a.elements.size();
  std::vector<double> sorted(count);
  {
    const std::vector<uint64_t> order = order_of(a.elements, tensor.hands);
    tensor.hands.share(count, kAtATime, [&](uint64_t begin, uint64_t end) {
      for (uint64_t rank = begin; rank < end; ++rank) sorted[rank] = a.elements[order[rank]];
    });
  }
  const MagnitudeRange range = range_of(tensor.coefficients[0], tensor.coefficients[1], count);
  const double least = magnitude(sorted, range.begin), most = magnitude(sorted, range.end);
  const std::vector<uint64_t> places = order_of(b.elements, tensor.hands);
  Matrix out = a;
  tensor.hands.share(count, kAtATime, [&](uint64_t begin, uint64_t end) {
    for (uint64_t rank = begin; rank < end; ++rank) {
      const double size = std::fabs(sorted[rank]);
      if ((least <= size && size <= most) != range.is_outside) out.elements[places[rank]] = sorted[rank];
    }
  });
  return out;
}

// The elements as they are sorted, and an order twice while it is made; or the order of B's, and the result.
uint64_t memory_of_top_k_tensor_sum(Shape shape, size_t, std::span<const double>) {
  return 3 * matrix_rows(shape) * matrix_columns(shape) * sizeof(double);
}

}  // namespace

const MatrixMethod kTopKTensorSum{.name = "top_k_tensor_sum",
                                  .of_deltas = false,
                                  .make = make_top_k_tensor_sum,
                                  .plain = plain_top_k_tensor_sum,
                                  .memory = memory_of_top_k_tensor_sum};

}  // namespace ckmerge
