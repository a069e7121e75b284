// SPDX-License-Identifier: Apache-2.0
// The product of a narrow matrix and one in panels (kernels/matrix.h): sums of a few rows by a few vectors of columns
// stay in registers over the whole depth, so that no sum is ever stored and read again. One thread of an EPYC (Zen 3),
// AVX2, depth 32: 6 rows by 2 vectors are twelve sums, two vectors of the panel, the number of the row and the product.

#if defined(__AVX512F__)
constexpr size_t kLaneCount = 16;
constexpr int kMostRows = 12;
#elif defined(__AVX__)
constexpr size_t kLaneCount = 8;
constexpr int kMostRows = 6;
#elif defined(__aarch64__)
constexpr size_t kLaneCount = 4;  // with 32 registers
constexpr int kMostRows = 12;
#else
constexpr size_t kLaneCount = 4;
constexpr int kMostRows = 6;
#endif
constexpr size_t kVectors = 2;
constexpr size_t kStrip = kVectors * kLaneCount;  // columns
static_assert(kPanelColumns % kStrip == 0);

// At any address that floats may have.
typedef float Lanes __attribute__((vector_size(kLaneCount * sizeof(float)), aligned(alignof(float)), may_alias));

// kRows rows of `left` by one strip of a panel. Loops are unrolled by hand, so to say, because an array that is looped
// over is filled and read in memory.
template <int kRows>
CKMERGE_WIDE void add_strip(const float* left, size_t depth, const float* panel, float factor, float* out,
                            size_t out_row) {
  Lanes sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v) sums[i][v] = Lanes{};
  for (size_t k = 0; k < depth; ++k, panel += kPanelColumns) {
    const Lanes* const right = reinterpret_cast<const Lanes*>(panel);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
      for (size_t v = 0; v < kVectors; ++v) sums[i][v] += left[static_cast<size_t>(i) * depth + k] * right[v];
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v)
      reinterpret_cast<Lanes*>(out + static_cast<size_t>(i) * out_row)[v] += factor * sums[i][v];
}

// A strip of all rows.
void add_strips(const float* left, size_t rows, size_t depth, const float* panel, float factor, float* out,
                size_t out_row) {
  const auto add = [&](auto strip, size_t count) {
    strip(left, depth, panel, factor, out, out_row);
    left += count * depth;
    out += count * out_row;
    rows -= count;
  };
  while (rows >= kMostRows) add(add_strip<kMostRows>, kMostRows);
  while (rows >= 3) add(add_strip<3>, 3);
  while (rows > 0) add(add_strip<1>, 1);
}

// The last columns, fewer than a strip, by way of rows of whole ones.
void add_edge(const float* left, size_t rows, size_t depth, const float* panel, float factor, float* out,
              size_t out_row, size_t columns) {
  for (size_t i = 0; i < rows; i += kMostRows) {
    const size_t count = rows - i < kMostRows ? rows - i : kMostRows;
    float edge[kMostRows * kStrip] = {};
    for (size_t row = 0; row < count; ++row)
      for (size_t j = 0; j < columns; ++j) edge[row * kStrip + j] = out[(i + row) * out_row + j];
    add_strips(left + i * depth, count, depth, panel, factor, edge, kStrip);
    for (size_t row = 0; row < count; ++row)
      for (size_t j = 0; j < columns; ++j) out[(i + row) * out_row + j] = edge[row * kStrip + j];
  }
}

void add_product(const float* left, size_t rows, size_t depth, const float* panels, size_t columns, float factor,
                 float* out) {
  for (size_t first = 0; first < columns; first += kStrip) {
    const float* const panel = panels + first / kPanelColumns * kPanelColumns * depth + first % kPanelColumns;
    if (columns - first >= kStrip)
      add_strips(left, rows, depth, panel, factor, out + first, columns);
    else
      add_edge(left, rows, depth, panel, factor, out + first, columns, columns - first);
  }
}
