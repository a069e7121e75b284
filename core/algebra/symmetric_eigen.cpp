// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/symmetric_eigen.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "kernels/algebra.h"

namespace ckmerge {
namespace {

// Sweeps for one eigenvalue; two or three do. Where that many do not, elements are rounding of others that are larger
// by more than f64 has digits, and what is nothing beside the largest is taken for nothing.
constexpr int kManySweeps = 30, kMostSweeps = 60;

// Three diagonals, and the reflections that led to them: row k of `reflections` is the vector of number k, whose first
// k + 1 elements are zero; I - v v^T, since its length is made the square root of 2.
struct Tridiagonal {
  std::vector<double> diagonal, beside;
  Matrix reflections;
};

// v, such that I - v v^T turns `from` into a multiple of its first unit vector, which is returned.
double reflection(const double* from, uint64_t count, double* v) {
  double largest = 0;
  for (uint64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(from[i]));
  std::fill(v, v + count, 0.0);
  if (largest == 0) return 0;
  for (uint64_t i = 0; i < count; ++i) v[i] = from[i] / largest;  // squares neither overflow nor vanish
  const double length = std::sqrt(dot(v, v, count)), target = v[0] > 0 ? -length : length;
  v[0] -= target;
  const double scale = std::sqrt(2 / dot(v, v, count));
  for (uint64_t i = 0; i < count; ++i) v[i] *= scale;
  return target * largest;
}

// What a := (I - v v^T) a (I - v v^T) takes away is v w^T + w v^T.
struct Update {
  std::vector<double> v, w;
};

// Columns of rows that go by at once, so that what belongs to each column stays in the fastest cache; and fewer than
// that are not worth a thread.
constexpr uint64_t kMostColumns = 1024, kLeastColumns = 256;

// Rows [first, n) of `a` after `update`, from column `first` on, and meanwhile their sum, each times its element of v.
void update_and_sum(Matrix& a, uint64_t first, const Update& update, const double* v, std::vector<double>& sums,
                    const Hands& hands) {
  const uint64_t count = a.rows - first, each = (count + hands.threads - 1) / hands.threads;
  std::fill(sums.begin(), sums.end(), 0.0);
  const auto columns = [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = first; i < a.rows; ++i)
      algebra_kernel().reflect_row(a.row(i) + first + begin, update.v[i], update.w.data() + first + begin, update.w[i],
                                   update.v.data() + first + begin, v[i], sums.data() + first + begin, end - begin);
  };
  hands.share(count, std::clamp(each, kLeastColumns, kMostColumns), columns);
}

// The update of row k waits until the next reflection is known, but for the row that this is made from: so `a` is read
// and written once for each.
Tridiagonal tridiagonal(Matrix& a, const Hands& hands) {
  const uint64_t n = a.rows;
  Tridiagonal out{std::vector<double>(n), std::vector<double>(n), Matrix(n, n)};
  Update update{std::vector<double>(n), std::vector<double>(n)};
  std::vector<double> w(n);
  for (uint64_t k = 0; k + 1 < n; ++k) {
    const uint64_t first = k + 1, count = n - first;
    double* const v = out.reflections.row(k);
    out.beside[k] = reflection(a.row(k) + first, count, v + first);
    update_and_sum(a, first, update, v, w, hands);
    algebra_kernel().subtract_row(0.5 * dot(v + first, w.data() + first, count), v + first, w.data() + first, count);
    update.v.assign(v, v + n);
    std::swap(update.w, w);
    double* const row = a.row(first);
    for (uint64_t j = first; j < n; ++j) row[j] -= v[first] * update.w[j] + update.w[first] * v[j];
  }
  for (uint64_t k = 0; k < n; ++k) out.diagonal[k] = a.row(k)[k];
  return out;
}

// The product of all reflections, the last one first: row k is what belongs to the k-th element of the diagonal.
Matrix basis(const Matrix& reflections, const Hands& hands) {
  constexpr uint64_t kRows = 16;  // which stay in a core's cache while all reflections go by
  const uint64_t n = reflections.rows;
  Matrix out(n, n);
  hands.share(n, kRows, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) out.row(i)[i] = 1;
    for (uint64_t k = end - 1; k-- > 0;) {
      const double* const v = reflections.row(k) + k + 1;
      for (uint64_t i = std::max(begin, k + 1); i < end; ++i) {
        double* const row = out.row(i) + k + 1;
        algebra_kernel().subtract_row(algebra_kernel().dot(row, v, n - k - 1), v, row, n - k - 1);
      }
    }
  });
  return out;
}

// Turns of rows that follow one another, downwards, put off until they are many: then strips of all rows, which stay in
// a core's cache, are turned by all of them.
class Turns {
 public:
  Turns(Matrix& rows, const Hands& hands) : rows_(rows), hands_(hands) {
    turns_.reserve((kTurnsOfRow + 1) * rows.rows);
  }

  void begin(uint64_t last) {
    if (turns_.size() >= kTurnsOfRow * rows_.rows) apply();
    sweeps_.push_back({last, turns_.size()});
  }
  void add(Turn turn) { turns_.push_back(turn); }

  void apply() {
    hands_.share(rows_.columns, kStripColumns, [&](uint64_t begin, uint64_t end) { turn_columns(begin, end); });
    sweeps_.clear();
    turns_.clear();
  }

 private:
  static constexpr uint64_t kTurnsOfRow = 128;
  struct Sweep {
    uint64_t last, first_turn;
  };

  void turn_columns(uint64_t begin, uint64_t end) const {
    std::vector<double> strip(rows_.rows * kStripColumns);
    for (uint64_t i = 0; i < rows_.rows; ++i)
      std::copy(rows_.row(i) + begin, rows_.row(i) + end, strip.data() + i * kStripColumns);
    for (size_t k = 0; k < sweeps_.size(); ++k) {
      const size_t first = sweeps_[k].first_turn,
                   next = k + 1 < sweeps_.size() ? sweeps_[k + 1].first_turn : turns_.size();
      algebra_kernel().turn_strip(strip.data(), sweeps_[k].last, turns_.data() + first, next - first);
    }
    for (uint64_t i = 0; i < rows_.rows; ++i)
      std::copy_n(strip.data() + i * kStripColumns, end - begin, rows_.row(i) + begin);
  }

  Matrix& rows_;
  const Hands& hands_;
  std::vector<Sweep> sweeps_;
  std::vector<Turn> turns_;
};

// One sweep of QL over [first, last], with the shift of Wilkinson.
void sweep(std::vector<double>& d, std::vector<double>& e, uint64_t first, uint64_t last, Turns& turns) {
  turns.begin(last);
  const double step = (d[first + 1] - d[first]) / (2 * e[first]);
  const double root = std::sqrt(step * step + 1);
  double g = d[last] - d[first] + e[first] / (step < 0 ? step - root : step + root);
  double s = 1, c = 1, shift = 0;
  for (uint64_t i = last; i-- > first;) {
    const double f = s * e[i], b = c * e[i], r = std::sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r == 0) {
      d[i + 1] -= shift;
      e[last] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - shift;
    const double t = (d[i] - g) * s + 2 * c * b;
    shift = s * t;
    d[i + 1] = g + shift;
    g = c * t - b;
    turns.add({.c = c, .s = s});
  }
  d[first] -= shift;
  e[first] = g;
  e[last] = 0;
}

void diagonalise(std::vector<double>& d, std::vector<double>& e, Matrix& vectors, const Hands& hands) {
  const uint64_t n = d.size();
  Turns turns(vectors, hands);
  double largest = 0;
  for (const double element : d) largest = std::max(largest, std::fabs(element));
  for (uint64_t first = 0; first < n; ++first)
    for (int sweeps = 0;; ++sweeps) {
      const double nothing = sweeps < kManySweeps ? 0 : DBL_EPSILON * largest;
      const auto counts = [&](uint64_t k) {
        return std::fabs(e[k]) > std::max(DBL_EPSILON * (std::fabs(d[k]) + std::fabs(d[k + 1])), nothing);
      };
      uint64_t last = first;
      while (last + 1 < n && counts(last)) ++last;
      if (last == first) break;
      if (sweeps == kMostSweeps) throw std::logic_error("an eigenvalue of a symmetric matrix was not found");
      hands.check();
      sweep(d, e, first, last, turns);
    }
  turns.apply();
}

// The power of two by which the largest element comes to between 1 and 2: sweeps square elements, and of tiny ones the
// squares vanish. All else is in proportion, to the bit.
int steps_to_one(const Tridiagonal& matrix) {
  double largest = 0;
  for (const auto* const elements : {&matrix.diagonal, &matrix.beside})
    for (const double element : *elements) largest = std::max(largest, std::fabs(element));
  return largest > 0 ? -std::ilogb(largest) : 0;
}

void scale(std::vector<double>& elements, int steps) {
  for (double& element : elements) element = std::scalbn(element, steps);
}

}  // namespace

SymmetricEigen symmetric_eigen(Matrix matrix, const Hands& hands) {
  const uint64_t n = matrix.rows;
  Tridiagonal reduced = tridiagonal(matrix, hands);
  Matrix vectors = n == 0 ? Matrix() : basis(reduced.reflections, hands);
  const int steps = steps_to_one(reduced);
  scale(reduced.diagonal, steps);
  scale(reduced.beside, steps);
  diagonalise(reduced.diagonal, reduced.beside, vectors, hands);
  scale(reduced.diagonal, -steps);
  std::vector<uint64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](uint64_t a, uint64_t b) { return reduced.diagonal[a] > reduced.diagonal[b]; });
  SymmetricEigen out{std::vector<double>(n), Matrix(n, n)};
  for (uint64_t k = 0; k < n; ++k) {
    out.values[k] = reduced.diagonal[order[k]];
    std::copy_n(vectors.row(order[k]), n, out.vectors.row(k));
  }
  return out;
}

}  // namespace ckmerge
