// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/wave_gains.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "core/algebra/axis_lines.h"
#include "core/algebra/fourier.h"

namespace ckmerge {
namespace {

// Two rows of real elements are transformed as one of complex ones: a row's waves are those that mirror each other, of
// which half are kept.
constexpr uint64_t kPairs = 8;  // that are transformed beside each other
// Waves of a row, and elements, that one of the hands takes at a time.
constexpr uint64_t kPiece = uint64_t{1} << 16;

// Zeros of some GiB would take a second.
std::unique_ptr<double[]> unfilled(uint64_t count) { return std::make_unique_for_overwrite<double[]>(count); }

class Waves {
 public:
  Waves(std::span<double> elements, std::span<const uint64_t> shape, const Hands& hands)
      : elements_(elements),
        shape_(shape.begin(), shape.end()),
        hands_(hands),
        row_(shape.back()),
        half_(waves_of(row_)),
        rows_(elements.size() / row_) {
    shape_.back() = half_;
    real_ = unfilled(rows_ * half_);
    imaginary_ = unfilled(rows_ * half_);
  }

  void multiply(const std::function<double(WaveIndex)>& gain) {
    along_rows([this](uint64_t row, uint64_t count, Pairs& pairs) { take(row, count, pairs); });
    along_others(false);
    scale(gain);
    along_others(true);
    along_rows([this](uint64_t row, uint64_t count, Pairs& pairs) { put_back(row, count, pairs); });
  }

 private:
  struct Pairs {
    std::unique_ptr<double[]> real, imaginary, scratch;
  };

  template <typename Change>
  void along_rows(const Change& change) {
    const Fourier fourier(row_, hands_);
    fourier_ = &fourier;
    const uint64_t each = std::max<uint64_t>(1, (uint64_t{1} << 17) / (row_ * 2 * kPairs)) * 2 * kPairs;
    of_rows_ = {.threads = rows_ > each ? 1 : hands_.threads, .stop = hands_.stop};
    hands_.share(rows_, each, [&](uint64_t begin, uint64_t end) {
      const uint64_t pairs = std::min(kPairs, (rows_ + 1) / 2);
      Pairs buffers{.real = unfilled(row_ * pairs),
                    .imaginary = unfilled(row_ * pairs),
                    .scratch = unfilled(Fourier::scratch_count(row_, pairs))};
      for (uint64_t row = begin; row < end; row += 2 * kPairs) change(row, std::min(2 * kPairs, end - row), buffers);
    });
  }

  // Rows from `row` on: the second half of them stand as imaginary parts, or zeros where there is none.
  void take(uint64_t row, uint64_t count, Pairs& pairs) {
    const uint64_t lines = (count + 1) / 2;
    in_pieces(lines, row_, [&](uint64_t line, uint64_t k) {
      pairs.real[k * lines + line] = elements_[(row + line) * row_ + k];
      pairs.imaginary[k * lines + line] = line + lines < count ? elements_[(row + line + lines) * row_ + k] : 0;
    });
    fourier_->transform(pairs.real.get(), pairs.imaginary.get(), lines, pairs.scratch.get(), of_rows_);
    in_pieces(lines, half_, [&](uint64_t line, uint64_t k) {
      const uint64_t here = k * lines + line, twin = (row_ - k) % row_ * lines + line;
      const double r = pairs.real[here], i = pairs.imaginary[here], r2 = pairs.real[twin], i2 = pairs.imaginary[twin];
      set(row + line, k, (r + r2) / 2, (i - i2) / 2);
      if (line + lines < count) set(row + line + lines, k, (i + i2) / 2, (r2 - r) / 2);
    });
  }

  void put_back(uint64_t row, uint64_t count, Pairs& pairs) {
    const uint64_t lines = (count + 1) / 2;
    in_pieces(lines, half_, [&](uint64_t line, uint64_t k) {
      const uint64_t here = k * lines + line, twin = (row_ - k) % row_ * lines + line;
      const uint64_t at = (row + line) * half_ + k, other = (row + line + lines) * half_ + k;
      const bool has_other = line + lines < count;
      const double r = real_[at], i = imaginary_[at], r2 = has_other ? real_[other] : 0,
                   i2 = has_other ? imaginary_[other] : 0;
      // What stands alone, the first wave and the one of half the length, is real.
      const bool alone = here == twin;
      pairs.real[here] = alone ? r : r - i2;
      pairs.imaginary[here] = alone ? r2 : i + r2;
      if (alone) return;
      pairs.real[twin] = r + i2;
      pairs.imaginary[twin] = r2 - i;
    });
    fourier_->transform(pairs.imaginary.get(), pairs.real.get(), lines, pairs.scratch.get(), of_rows_);
    const auto length = static_cast<double>(row_);
    in_pieces(lines, row_, [&](uint64_t line, uint64_t k) {
      elements_[(row + line) * row_ + k] = pairs.real[k * lines + line] / length;
      if (line + lines < count) elements_[(row + line + lines) * row_ + k] = pairs.imaginary[k * lines + line] / length;
    });
  }

  template <typename Of>
  void in_pieces(uint64_t lines, uint64_t count, const Of& of) const {
    for (uint64_t line = 0; line < lines; ++line)
      of_rows_.share_large(count, kPiece, [&](uint64_t begin, uint64_t end) {
        for (uint64_t k = begin; k < end; ++k) of(line, k);
      });
  }

  void set(uint64_t row, uint64_t k, double real, double imaginary) {
    real_[row * half_ + k] = real;
    imaginary_[row * half_ + k] = imaginary;
  }

  void along_others(bool back) {
    for (size_t axis = 0; axis + 1 < shape_.size(); ++axis) {
      if (shape_[axis] == 1) continue;
      const Fourier fourier(shape_[axis], hands_);
      const Hands of_lines{.threads = 1, .stop = hands_.stop};
      const auto length = static_cast<double>(shape_[axis]);
      const std::array<double*, 2> parts{real_.get(), imaginary_.get()};
      for_each_lines(parts, axis_of(shape_, axis), hands_, [&](std::span<const AxisLines> lines) {
        std::vector<double> scratch(Fourier::scratch_count(fourier.length(), lines[0].count));
        double* const first = lines[back ? 1 : 0].elements.data();
        double* const second = lines[back ? 0 : 1].elements.data();
        fourier.transform(first, second, lines[0].count, scratch.data(), of_lines);
        for (const AxisLines& part : lines)
          for (double& element : part.elements)
            if (back) element /= length;
      });
    }
  }

  // Waves of which the second half of an axis has twins in the first.
  void scale(const std::function<double(WaveIndex)>& gain) {
    hands_.share(rows_ * half_, kPiece, [&](uint64_t begin, uint64_t end) {
      std::vector<uint64_t> index(shape_.size());
      for (uint64_t at = begin; at < end;) {
        uint64_t rest = at / half_;
        for (size_t axis = shape_.size() - 1; axis-- > 0; rest /= shape_[axis])
          index[axis] = std::min(rest % shape_[axis], shape_[axis] - rest % shape_[axis]);
        index.back() = at % half_;
        for (; index.back() < half_ && at < end; ++at, ++index.back()) {
          const double factor = gain(index);
          real_[at] *= factor;
          imaginary_[at] *= factor;
        }
      }
    });
  }

  std::span<double> elements_;
  std::vector<uint64_t> shape_;  // of what is kept of the waves
  const Hands& hands_;
  uint64_t row_, half_, rows_;
  std::unique_ptr<double[]> real_, imaginary_;
  const Fourier* fourier_ = nullptr;  // of the rows
  Hands of_rows_;                     // who share what is done to a few rows: all, where these are all rows
};

uint64_t count_of(std::span<const uint64_t> shape) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  return count;
}

uint64_t scratch_memory(uint64_t length, uint64_t lines) {
  return Fourier::scratch_count(length, lines) * sizeof(double);
}

}  // namespace

void apply_gains(std::span<double> elements, std::span<const uint64_t> shape,
                 const std::function<double(WaveIndex)>& gain, const Hands& hands) {
  Waves(elements, shape, hands).multiply(gain);
}

uint64_t gains_memory(std::span<const uint64_t> shape) {
  uint64_t fourier = 0;
  for (const uint64_t length : shape) fourier = std::max(fourier, Fourier::memory(length));
  return 2 * sizeof(double) * (count_of(shape) / shape.back() * waves_of(shape.back())) + fourier;
}

uint64_t gains_memory_of_threads(std::span<const uint64_t> shape, unsigned threads) {
  const uint64_t rows = count_of(shape) / shape.back(), pairs = std::min(kPairs, (rows + 1) / 2);
  const uint64_t parts = (rows + 2 * kPairs - 1) / (2 * kPairs);
  uint64_t most = std::min<uint64_t>(threads, parts) *
                  (2 * shape.back() * pairs * sizeof(double) + scratch_memory(shape.back(), pairs));
  std::vector<uint64_t> kept(shape.begin(), shape.end());
  kept.back() = waves_of(shape.back());
  for (size_t axis = 0; axis + 1 < kept.size(); ++axis)
    most = std::max(most, threads * (lines_memory(2, axis_of(kept, axis)) +
                                     scratch_memory(kept[axis], lines_at_a_time(axis_of(kept, axis)))));
  return most;
}

}  // namespace ckmerge
