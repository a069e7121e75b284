// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/window_filters.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

#include "core/algebra/axis_lines.h"
#include "core/threads/stop_pace.h"
#include "kernels/math.h"

namespace ckmerge {
namespace {

constexpr double kBeyondAll = std::numeric_limits<double>::infinity();

// ---- medians ----

// Sorted lists of one length, an element above all behind each.
struct SortedLists {
  uint64_t length = 1;
  std::vector<double> elements;

  uint64_t stride() const { return length + 1; }
  double* list(uint64_t k) { return elements.data() + k * stride(); }
  const double* list(uint64_t k) const { return elements.data() + k * stride(); }
};

// The first `count` elements of two lists together.
void merge(const double* x, const double* y, uint64_t count, double* out) {
  for (uint64_t k = 0; k < count; ++k) {
    const bool second = *y < *x;
    out[k] = second ? *y : *x;
    y += second;
    x += !second;
  }
}

// Element `index` of two lists together: the longer one, which has more than so many, and one of `count`.
double selected(const double* longer, const double* shorter, uint64_t count, uint64_t index) {
  uint64_t least = 0, most = std::min(count, index + 1);  // how many of the shorter one are not behind it
  while (least < most) {
    const uint64_t middle = (least + most) / 2;
    if (shorter[middle] < longer[index - middle])
      least = middle + 1;
    else
      most = middle;
  }
  if (least == 0) return longer[index];
  return least > index ? shorter[index] : std::max(shorter[least - 1], longer[index - least]);
}

// Slices of a tensor's first axis, and the sorted windows in them along all other axes.
class SliceWindows {
 public:
  SliceWindows(std::span<const uint64_t> shape, const Hands& hands)
      : pace_(hands, true), shape_(shape.begin() + 1, shape.end()) {
    for (const uint64_t dimension : shape_) size_ *= dimension;
    for (size_t k = 0; k < shape_.size(); ++k) length_ *= 3;
    temporary_.resize(2 * length_ + 1, kBeyondAll);
  }

  uint64_t size() const { return size_; }
  uint64_t length() const { return length_; }
  uint64_t memory() const { return (4 * size_ * (length_ + 1) + temporary_.size()) * sizeof(double); }

  // Ring of the three slices that are looked at.
  void sort(const double* slice, SortedLists& out) {
    out.length = 1;
    out.elements.resize(size_ * (length_ + 1));
    for (uint64_t k = 0; k < size_; ++k) {
      out.list(k)[0] = slice[k];
      out.list(k)[1] = kBeyondAll;
    }
    for (size_t axis = shape_.size(); axis-- > 0;) {
      widen(out, axis_of(shape_, axis));
      std::swap(out, wider_);
    }
  }

  double median(const std::array<const SortedLists*, 3>& around, uint64_t k) {
    pace_.begin(length_);
    const uint64_t index = (3 * length_ - 1) / 2;
    merge(around[0]->list(k), around[1]->list(k), index + 1, temporary_.data());
    return selected(temporary_.data(), around[2]->list(k), length_, index);
  }

 private:
  // Each list with those of its neighbours along the axis.
  void widen(const SortedLists& lists, const Axis& axis) {
    wider_.length = 3 * lists.length;
    wider_.elements.resize(size_ * (length_ + 1));
    const uint64_t length = lists.length;
    for (uint64_t block = 0; block < axis.outer; ++block)
      for (uint64_t i = 0; i < axis.length; ++i)
        for (uint64_t k = 0; k < axis.inner; ++k) {
          pace_.begin(3 * length);
          const auto at = [&](uint64_t row) { return (block * axis.length + row) * axis.inner + k; };
          const uint64_t before = i == 0 ? 0 : i - 1, after = std::min(i + 1, axis.length - 1);
          double* const out = wider_.list(at(i));
          merge(lists.list(at(before)), lists.list(at(i)), 2 * length, temporary_.data());
          temporary_[2 * length] = kBeyondAll;
          merge(temporary_.data(), lists.list(at(after)), 3 * length, out);
          out[3 * length] = kBeyondAll;
        }
  }

  StopPace pace_;
  std::vector<uint64_t> shape_;
  uint64_t size_ = 1, length_ = 1;  // elements of a slice, and of a window in it
  std::vector<double> temporary_;
  SortedLists wider_;
};

// Axes of one element leave medians as they are: a window has each element three times.
std::vector<uint64_t> without_ones(std::span<const uint64_t> shape) {
  std::vector<uint64_t> out;
  std::ranges::copy_if(shape, std::back_inserter(out), [](uint64_t dimension) { return dimension > 1; });
  if (out.empty()) out.push_back(1);
  return out;
}

void medians_in(std::span<const double> elements, std::span<const uint64_t> shape, uint64_t begin, uint64_t end,
                std::vector<double>& out, const Hands& hands) {
  SliceWindows windows(shape, hands);
  const uint64_t size = windows.size(), last = shape[0] - 1;
  std::array<SortedLists, 3> ring;
  const auto sort = [&](uint64_t slice) { windows.sort(elements.data() + slice * size, ring[slice % 3]); };
  for (uint64_t slice = begin == 0 ? 0 : begin - 1; slice <= begin; ++slice) sort(slice);
  for (uint64_t slice = begin; slice < end; ++slice) {
    const uint64_t before = slice == 0 ? 0 : slice - 1, after = std::min(slice + 1, last);
    if (after > slice) sort(after);
    const std::array<const SortedLists*, 3> around{&ring[before % 3], &ring[slice % 3], &ring[after % 3]};
    for (uint64_t k = 0; k < size; ++k) out[slice * size + k] = windows.median(around, k);
  }
}

// ---- Gauss ----

constexpr uint64_t kReach = 4;  // deviations after which scipy cuts the bell off

std::array<double, kReach + 1> bell() {
  std::array<double, kReach + 1> weights;
  double sum = 0;
  for (uint64_t k = 0; k <= kReach; ++k) weights[k] = math::exp(-0.5 * static_cast<double>(k * k));
  for (uint64_t k = 1; k <= kReach; ++k) sum += 2 * weights[k];
  for (double& weight : weights) weight /= sum + 1;
  return weights;
}

// Element `at` of a line, which may lie beyond its ends by any number.
uint64_t mirrored(int64_t at, uint64_t length) {
  const auto period = static_cast<int64_t>(2 * length);
  const auto within = static_cast<uint64_t>(((at % period) + period) % period);
  return within < length ? within : 2 * length - 1 - within;
}

void blur_lines(const AxisLines& lines, uint64_t length, const std::array<double, kReach + 1>& weights,
                std::vector<double>& from, StopPace pace) {
  from.assign(lines.elements.begin(), lines.elements.end());
  for (uint64_t i = 0; i < length; ++i) {
    pace.begin((kReach + 1) * lines.count);
    double* const out = lines.elements.data() + i * lines.count;
    for (uint64_t k = 0; k < lines.count; ++k) out[k] *= weights[0];
    for (uint64_t j = kReach; j > 0; --j) {
      const auto here = static_cast<int64_t>(i), away = static_cast<int64_t>(j);
      const double* const before = from.data() + mirrored(here - away, length) * lines.count;
      const double* const after = from.data() + mirrored(here + away, length) * lines.count;
      for (uint64_t k = 0; k < lines.count; ++k) out[k] += weights[j] * (before[k] + after[k]);
    }
  }
}

}  // namespace

std::vector<double> medians_of_three(std::span<const double> elements, std::span<const uint64_t> shape,
                                     const Hands& hands) {
  const std::vector<uint64_t> wide = without_ones(shape);
  std::vector<double> out(elements.size());
  const uint64_t size = elements.size() / wide[0];
  // Two slices are sorted for nothing with each part.
  const uint64_t each = std::max<uint64_t>(16, (uint64_t{1} << 16) / size);
  hands.share(wide[0], each, [&](uint64_t begin, uint64_t end) { medians_in(elements, wide, begin, end, out, hands); });
  return out;
}

uint64_t medians_memory_of_thread(std::span<const uint64_t> shape) {
  const std::vector<uint64_t> wide = without_ones(shape);
  return SliceWindows(wide, {}).memory();
}

void blur(std::span<double> elements, std::span<const uint64_t> shape, const Hands& hands) {
  const std::array<double, kReach + 1> weights = bell();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == 1) continue;  // weights add up to one
    const std::array<double*, 1> tensor{elements.data()};
    for_each_lines(tensor, axis_of(shape, axis), hands, [&](std::span<const AxisLines> lines) {
      std::vector<double> from;
      blur_lines(lines[0], shape[axis], weights, from, StopPace(hands, true));
    });
  }
}

uint64_t blur_memory_of_thread(std::span<const uint64_t> shape) {
  uint64_t most = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) most = std::max(most, 2 * lines_memory(1, axis_of(shape, axis)));
  return most;
}

}  // namespace ckmerge
