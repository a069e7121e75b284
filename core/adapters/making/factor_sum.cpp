// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/factor_sum.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/factors.h"
#include "core/adapters/plain_product.h"

namespace ckmerge {
namespace {

FactorMatrix read(const SummedPart& part, std::string_view name) {
  FactorMatrix stored = read_matrix(*part.adapter, factor(*part.module, name));
  const uint64_t blocks = diagonal_blocks(*part.adapter, *part.module, name);
  return blocks == 1 ? std::move(stored) : block_diagonal(stored, blocks);
}

double root_of(const SummedPart& part) { return std::sqrt(std::fabs(part.factor)); }

// Into columns from `first` on of rows of `rank` elements.
template <typename Number>
void place_up(const SummedPart& part, uint64_t first, uint64_t rank, std::vector<Number>& up) {
  const FactorMatrix own = read(part, "lora_B");
  const double factor = std::copysign(root_of(part), part.factor);
  for (uint64_t i = 0; i < own.rows; ++i)
    for (uint64_t k = 0; k < own.columns; ++k)
      up[i * rank + first + k] = static_cast<Number>(factor * double{own.row(i)[k]});
}

// down'[i][r, k] = sum over j of mid[i][j, k] * down[j][r].
Matrix with_middle(const FactorMatrix& middle, const FactorMatrix& down, double factor) {
  const uint64_t points = middle.columns / down.rows;
  Matrix out(middle.rows, down.columns * points);
  for (uint64_t i = 0; i < middle.rows; ++i)
    for (uint64_t j = 0; j < down.rows; ++j)
      for (uint64_t r = 0; r < down.columns; ++r)
        for (uint64_t k = 0; k < points; ++k)
          out.row(i)[r * points + k] += double{middle.row(i)[j * points + k]} * (factor * double{down.row(j)[r]});
  return out;
}

template <typename Number>
void place_down(const SummedPart& part, std::span<Number> down) {
  const FactorMatrix own = read(part, "lora_A");
  const double root = root_of(part);
  if (find_factor(*part.module, "lora_mid")) {
    const Matrix whole = with_middle(read(part, "lora_mid"), own, root);
    std::ranges::transform(whole.elements, down.begin(), [](double x) { return static_cast<Number>(x); });
  } else {
    std::ranges::transform(own.elements, down.begin(), [&](float x) { return static_cast<Number>(root * double{x}); });
  }
}

uint64_t rank_of(const SummedPart& part) {
  return rows_of(factor_tensor(*part.adapter, factor(*part.module, "lora_A")).shape);
}

// The rows of one part behind those of another become those of one expert behind those of another. Columns of up are in
// order as they stand: in each part the expert runs fastest.
template <typename Number>
void put_experts_together(const FactorSum& sum, std::vector<Number>& down) {
  std::vector<Number> ordered;
  ordered.reserve(down.size());
  for (uint64_t expert = 0; expert < sum.experts; ++expert) {
    uint64_t first = 0;
    for (const SummedPart& part : sum.parts) {
      const uint64_t rank = rank_of(part), own = rank / sum.experts;
      const auto from = down.begin() + static_cast<ptrdiff_t>((first + expert * own) * sum.columns());
      ordered.insert(ordered.end(), from, from + static_cast<ptrdiff_t>(own * sum.columns()));
      first += rank;
    }
  }
  down = std::move(ordered);
}

template <typename Number>
void place_all(const FactorSum& sum, std::vector<Number>& up, std::vector<Number>& down) {
  up.resize(sum.rows() * sum.rank());
  down.resize(sum.rank() * sum.columns());
  uint64_t first = 0;
  for (const SummedPart& part : sum.parts) {
    const uint64_t rank = rank_of(part);
    place_up(part, first, sum.rank(), up);
    place_down(part, std::span(down).subspan(first * sum.columns(), rank * sum.columns()));
    first += rank;
  }
  if (sum.experts > 1) put_experts_together(sum, down);
}

struct WideFactors {
  Matrix up, down;
};

WideFactors wide_factors(const FactorSum& sum) {
  WideFactors out;
  place_all(sum, out.up.elements, out.down.elements);
  out.up.rows = sum.rows(), out.up.columns = out.down.rows = sum.rank(), out.down.columns = sum.columns();
  return out;
}

// Of the largest part while it is read.
uint64_t reading_memory(const FactorSum& sum) {
  uint64_t most = 0;
  for (const SummedPart& part : sum.parts) {
    const uint64_t rank = rank_of(part);
    uint64_t bytes = sizeof(float) * rank * std::max(sum.rows(), sum.columns());
    if (part.module->numbers.contains("nblocks")) bytes *= 2;  // as they are stored, and whole
    if (const Factor* const mid = find_factor(*part.module, "lora_mid"))
      bytes += sizeof(float) * factor_tensor(*part.adapter, *mid).count + sizeof(double) * rank * sum.columns();
    most = std::max(most, bytes);
  }
  return most;
}

}  // namespace

uint64_t FactorSum::columns() const { return columns_of(Shape(down_shape)); }

FactorPair joined_factors(const FactorSum& sum) {
  FactorPair out;
  place_all(sum, out.up, out.down);
  return out;
}

double energy_of(const FactorSum& sum) {
  const WideFactors factors = wide_factors(sum);
  const Matrix standing = transposed(factors.up);
  const uint64_t rank = sum.rank() / sum.experts;
  double energy = 0;
  for (uint64_t expert = 0; expert < sum.experts; ++expert) {
    Matrix up(rank, standing.columns), down(rank, factors.down.columns);
    for (uint64_t k = 0; k < rank; ++k) {
      std::copy_n(standing.row(k * sum.experts + expert), up.columns, up.row(k));
      std::copy_n(factors.down.row(expert * rank + k), down.columns, down.row(k));
    }
    const Matrix of_up = row_products(up, up), of_down = row_products(down, down);
    energy += std::max(0.0, dot(of_up.elements.data(), of_down.elements.data(), of_up.elements.size()));
  }
  return energy;
}

Svd svd_of(const FactorSum& sum) {
  WideFactors factors = wide_factors(sum);
  return product_svd(std::move(factors.up), std::move(factors.down));
}

uint64_t joined_memory(const FactorSum& sum) {
  const uint64_t ordered = sum.experts > 1 ? sizeof(float) * sum.rank() * sum.columns() : 0;
  return sizeof(float) * sum.rank() * (sum.rows() + sum.columns()) + std::max(ordered, reading_memory(sum));
}

uint64_t svd_memory(const FactorSum& sum) {
  return product_svd_memory(sum.rows(), sum.rank(), sum.columns()) + reading_memory(sum);
}

}  // namespace ckmerge
