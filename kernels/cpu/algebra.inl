// SPDX-License-Identifier: Apache-2.0
// Loops of dense algebra in f64 (kernels/algebra.h). As in matrix.inl, sums of a few rows by a few vectors stay in
// registers, and arrays are looped over by unrolled loops alone, since others would lie in memory.

#if defined(__AVX512F__)
constexpr size_t kWideLanes = 8;
constexpr int kProductRows = 12, kPairRows = 4, kPairColumns = 4;
#elif defined(__AVX__)
constexpr size_t kWideLanes = 4;
constexpr int kProductRows = 6, kPairRows = 3, kPairColumns = 2;
#elif defined(__aarch64__)
constexpr size_t kWideLanes = 2;  // with 32 registers
constexpr int kProductRows = 12, kPairRows = 2, kPairColumns = 3;
#else
constexpr size_t kWideLanes = 2;
constexpr int kProductRows = 6, kPairRows = 1, kPairColumns = 3;
#endif
constexpr size_t kWideStrip = 2 * kWideLanes;  // columns
constexpr size_t kDotLanes = 8, kDotVectors = kDotLanes / kWideLanes;
static_assert(kWidePanelColumns % kWideStrip == 0);
static_assert(kStripColumns % (4 * kWideLanes) == 0);

// At any address that doubles may have.
typedef double WideLanes __attribute__((vector_size(kWideLanes * sizeof(double)), aligned(alignof(double)), may_alias));

inline const WideLanes* wide(const double* from) { return reinterpret_cast<const WideLanes*>(from); }
inline WideLanes* wide(double* from) { return reinterpret_cast<WideLanes*>(from); }

// ---- products ----

template <int kRows>
CKMERGE_WIDE void add_wide_strip(const double* left, size_t left_row, size_t depth, const double* panel, double* out,
                                 size_t out_row) {
  WideLanes sums[kRows][2];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (size_t v = 0; v < 2; ++v) sums[i][v] = wide(out + static_cast<size_t>(i) * out_row)[v];
  for (size_t k = 0; k < depth; ++k, panel += kWidePanelColumns) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
      for (size_t v = 0; v < 2; ++v) sums[i][v] += left[static_cast<size_t>(i) * left_row + k] * wide(panel)[v];
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (size_t v = 0; v < 2; ++v) wide(out + static_cast<size_t>(i) * out_row)[v] = sums[i][v];
}

void add_wide_strips(const double* left, size_t left_row, size_t rows, size_t depth, const double* panel, double* out,
                     size_t out_row) {
  const auto add = [&](auto strip, size_t count) {
    strip(left, left_row, depth, panel, out, out_row);
    left += count * left_row;
    out += count * out_row;
    rows -= count;
  };
  while (rows >= kProductRows) add(add_wide_strip<kProductRows>, kProductRows);
  while (rows >= 3) add(add_wide_strip<3>, 3);
  while (rows > 0) add(add_wide_strip<1>, 1);
}

// The last columns, fewer than a strip, by way of rows of whole ones.
void add_wide_edge(const double* left, size_t left_row, size_t rows, size_t depth, const double* panel, double* out,
                   size_t out_row, size_t columns) {
  for (size_t i = 0; i < rows; i += kProductRows) {
    const size_t count = rows - i < kProductRows ? rows - i : kProductRows;
    double edge[kProductRows * kWideStrip] = {};
    for (size_t row = 0; row < count; ++row)
      for (size_t j = 0; j < columns; ++j) edge[row * kWideStrip + j] = out[(i + row) * out_row + j];
    add_wide_strips(left + i * left_row, left_row, count, depth, panel, edge, kWideStrip);
    for (size_t row = 0; row < count; ++row)
      for (size_t j = 0; j < columns; ++j) out[(i + row) * out_row + j] = edge[row * kWideStrip + j];
  }
}

void add_wide_product(const double* left, size_t left_row, size_t rows, size_t depth, const double* panels,
                      size_t columns, double* out, size_t out_row) {
  if (depth == 0) return;  // panels may be nowhere
  for (size_t first = 0; first < columns; first += kWideStrip) {
    const double* const panel =
        panels + first / kWidePanelColumns * kWidePanelColumns * depth + first % kWidePanelColumns;
    if (columns - first >= kWideStrip)
      add_wide_strips(left, left_row, rows, depth, panel, out + first, out_row);
    else
      add_wide_edge(left, left_row, rows, depth, panel, out + first, out_row, columns - first);
  }
}

// ---- sums in lanes ----

// Pairs of rows, all of whose lanes stay in registers.
template <int kRows, int kColumns>
CKMERGE_WIDE void pair_sums(const double* left, const double* right, size_t depth, double* out, size_t out_row) {
  WideLanes sums[kRows][kColumns][kDotVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kColumns; ++j)
#pragma GCC unroll 4
      for (size_t v = 0; v < kDotVectors; ++v) sums[i][j][v] = WideLanes{};
  const size_t whole = depth / kDotLanes * kDotLanes;
  for (size_t k = 0; k < whole; k += kDotLanes) {
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < kColumns; ++j)
#pragma GCC unroll 4
        for (size_t v = 0; v < kDotVectors; ++v)
          sums[i][j][v] +=
              wide(left + static_cast<size_t>(i) * depth + k)[v] * wide(right + static_cast<size_t>(j) * depth + k)[v];
  }
  double lanes[kRows][kColumns][kDotLanes];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kColumns; ++j)
#pragma GCC unroll 4
      for (size_t v = 0; v < kDotVectors; ++v) wide(lanes[i][j])[v] = sums[i][j][v];
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) {
      const double *const x = left + static_cast<size_t>(i) * depth, *const y = right + static_cast<size_t>(j) * depth;
      for (size_t k = whole; k < depth; ++k) lanes[i][j][k - whole] += x[k] * y[k];
      double sum = 0;
      for (size_t lane = 0; lane < kDotLanes; ++lane) sum += lanes[i][j][lane];
      out[static_cast<size_t>(i) * out_row + static_cast<size_t>(j)] = sum;
    }
}

double wide_dot(const double* x, const double* y, size_t n) {
  double sum;
  pair_sums<1, 1>(x, y, n, &sum, 0);
  return sum;
}

template <int kRows>
void pairs_of_rows(const double* left, const double* right, size_t right_rows, size_t depth, double* out,
                   size_t out_row) {
  size_t j = 0;
  for (; j + kPairColumns <= right_rows; j += kPairColumns)
    pair_sums<kRows, kPairColumns>(left, right + j * depth, depth, out + j, out_row);
  for (; j < right_rows; ++j) pair_sums<kRows, 1>(left, right + j * depth, depth, out + j, out_row);
}

void row_products(const double* left, size_t rows, const double* right, size_t right_rows, size_t depth, double* out,
                  size_t out_row) {
  size_t i = 0;
  for (; i + kPairRows <= rows; i += kPairRows)
    pairs_of_rows<kPairRows>(left + i * depth, right, right_rows, depth, out + i * out_row, out_row);
  for (; i < rows; ++i) pairs_of_rows<1>(left + i * depth, right, right_rows, depth, out + i * out_row, out_row);
}

// ---- rows ----

CKMERGE_WIDE void subtract_row(double factor, const double* from, double* to, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) to[i] -= factor * from[i];
}

CKMERGE_WIDE void turn_rows(double* x, double* y, Turn turn, size_t n) {
  const double c = turn.c, s = turn.s;
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) {
    const double a = x[i], b = y[i];
    x[i] = c * a - s * b;
    y[i] = s * a + c * b;
  }
}

CKMERGE_WIDE void reflect_row(double* row, double v, const double* ws, double w, const double* vs, double factor,
                              double* sums, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t j = 0; j < n; ++j) {
    const double element = row[j] - (v * ws[j] + w * vs[j]);
    row[j] = element;
    sums[j] += factor * element;
  }
}

// What a turn leaves of its upper row is the lower one of the next, and stays in registers meanwhile.
CKMERGE_WIDE void turn_strip(double* strip, size_t last, const Turn* turns, size_t count) {
  constexpr size_t kVectorsAtOnce = 4;
  for (size_t first = 0; first < kStripColumns; first += kVectorsAtOnce * kWideLanes) {
    double* lower = strip + last * kStripColumns + first;
    WideLanes kept[kVectorsAtOnce];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectorsAtOnce; ++v) kept[v] = wide(lower)[v];
    for (size_t k = 0; k < count; ++k, lower -= kStripColumns) {
      const double c = turns[k].c, s = turns[k].s;
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectorsAtOnce; ++v) {
        const WideLanes upper = wide(lower - kStripColumns)[v];
        wide(lower)[v] = s * upper + c * kept[v];
        kept[v] = c * upper - s * kept[v];
      }
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectorsAtOnce; ++v) wide(lower)[v] = kept[v];
  }
}
