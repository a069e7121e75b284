// SPDX-License-Identifier: Apache-2.0
#include "tests/core/reference.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "tests/kernels/oracle.h"

namespace ckmerge::test {
namespace {

// One tensor of every checkpoint in the shape of A's. Where a checkpoint has fewer channels, `there` says no.
struct Aligned {
  std::vector<std::vector<double>> values;
  std::vector<bool> there;
};

uint64_t product(const std::vector<uint64_t>& shape, size_t from) {
  uint64_t count = 1;
  for (size_t i = from; i < shape.size(); ++i) count *= shape[i];
  return count;
}

Aligned align(const std::vector<FileTensor>& tensors) {
  const FileTensor& first = tensors[0];
  Aligned all;
  all.there.assign(product(first.shape, 0), true);
  for (const FileTensor& tensor : tensors) {
    all.values.emplace_back();
    const uint64_t row = product(first.shape, 1), own_row = product(tensor.shape, 1);
    for (uint64_t i = 0; i < all.there.size(); ++i) {
      const bool there = row == own_row || i % row < own_row;
      const uint64_t at = row == own_row ? i : i / row * own_row + i % row;
      const size_t size = element_size(tensor.dtype);
      all.values.back().push_back(there ? oracle::read(tensor.dtype, tensor.bytes.data() + at * size) : 0);
      if (!there) all.there[i] = false;
    }
  }
  return all;
}

std::vector<double> only(const std::vector<double>& values, const std::vector<bool>& wanted) {
  std::vector<double> some;
  for (size_t i = 0; i < values.size(); ++i)
    if (wanted[i]) some.push_back(values[i]);
  return some;
}

// slerp's coefficients are tested with the method; here it matters which sums they are made of.
std::vector<double> slerp_coefficients(const Recipe& recipe, const Aligned& all) {
  const Method& method = *find_method("slerp");
  const std::vector<bool> every(all.there.size(), true);
  const std::vector<bool>& wanted = recipe.expand == ExpandPolicy::zero ? every : all.there;
  std::vector<double> sums;
  for (const auto& [x, y] : {std::pair(0, 0), std::pair(1, 1), std::pair(0, 1)})
    sums.push_back(sum_of_products(only(all.values[x], wanted), only(all.values[y], wanted)));
  std::vector<double> coefficients(method.coefficient_count(2));
  method.tensor_coefficients(resolve_coefficients(recipe, 2), {.numbers = sums}, coefficients);
  return coefficients;
}

// A sum of terms; a zero coefficient drops its term, a one multiplies nothing.
template <typename T>
struct Sum {
  std::optional<T> value;
  void add(T term) { value = value ? *value + term : term; }
  void add(double coefficient, T x) {
    const T c = static_cast<T>(coefficient);
    if (c == 1) return add(x);
    if (c != 0) add(c * x);
  }
};

// Whether all checkpoints that count hold the same number, and the coefficients add up to one.
bool stays_equal(const Recipe& recipe, const std::vector<double>& c, const Aligned& all, size_t i, bool head) {
  double sum = 0, magnitude = 0;
  const bool difference = recipe.method == "add_difference";
  std::optional<double> first;
  for (size_t k = 0; k < (head ? all.values.size() : 1); ++k) {
    const double coefficient = difference ? (k == 0 ? 1 : k == 1 ? c[0] : -c[0]) : c[k];
    sum += coefficient;
    magnitude += std::fabs(coefficient);
    const double x = all.values[k][i];
    if (coefficient == 0) continue;
    if (first.value_or(x) != x || std::signbit(first.value_or(x)) != std::signbit(x)) return false;
    first = x;
  }
  return first && std::fabs(sum - 1) <= 1e-12 * magnitude;
}

// The value of element i; in the tail (`head` false) only A counts.
template <typename T>
T merged_value(const Recipe& recipe, const std::vector<double>& c, const Aligned& all, size_t i, bool head) {
  const auto x = [&](size_t k) { return static_cast<T>(all.values[k][i]); };
  if (stays_equal(recipe, c, all, i, head))
    for (size_t k = 0; k < all.values.size(); ++k)
      if (recipe.method == "add_difference" || c[k] != 0) return x(k);
  if (recipe.method == "add_difference") return head ? x(0) + static_cast<T>(c[0]) * (x(1) - x(2)) : x(0);
  Sum<T> sum;
  for (size_t k = 0; k < (head ? all.values.size() : 1); ++k) sum.add(c[k], x(k));
  return sum.value.value_or(0);
}

}  // namespace

double sum_of_products(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (size_t begin = 0; begin < x.size(); begin += 65536) {
    double lanes[16] = {}, total = 0;
    for (size_t i = begin; i < std::min<size_t>(x.size(), begin + 65536); ++i) lanes[i % 16] += x[i] * y[i];
    for (const double lane : lanes) total += lane;
    sum += total;
  }
  return sum;
}

std::string merged_bytes(const Recipe& recipe, const std::vector<FileTensor>& tensors) {
  const FileTensor& first = tensors[0];
  if (!is_real(first.dtype)) return first.bytes;
  const Aligned all = align(tensors);
  const bool wide = std::ranges::any_of(tensors, [](const FileTensor& t) { return t.dtype == Dtype::F64; });
  const Dtype to = recipe.dtype.value_or(first.dtype);
  const std::vector<double> c =
      recipe.method == "slerp" ? slerp_coefficients(recipe, all) : resolve_coefficients(recipe, tensors.size());
  std::string bytes(all.there.size() * element_size(to), '\0');
  StoreCounts counts;
  for (size_t i = 0; i < all.there.size(); ++i) {
    const bool head = all.there[i];
    double value = all.values[0][i];  // a tail that stays as A has it
    if (head || recipe.expand == ExpandPolicy::zero)
      value = wide ? merged_value<double>(recipe, c, all, i, head) : merged_value<float>(recipe, c, all, i, head);
    oracle::write(to, value, bytes.data() + i * element_size(to), counts);
  }
  return bytes;
}

void check_file(const std::string& path, const Recipe& recipe, const std::vector<std::vector<FileTensor>>& files) {
  for (size_t t = 0; t < files[0].size(); ++t) {
    std::vector<FileTensor> tensors;
    for (const std::vector<FileTensor>& file : files) tensors.push_back(file[t]);
    CHECK_MESSAGE(tensor_bytes(path, files[0][t].name) == merged_bytes(recipe, tensors), recipe.method, " ",
                  files[0][t].name);
  }
}

}  // namespace ckmerge::test
