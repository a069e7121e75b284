// SPDX-License-Identifier: Apache-2.0
// A method from its arguments to bytes, as the planner and the engine take it there.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/method.h"
#include "tests/kernels/naive_program.h"
#include "tests/sanitized.h"

namespace ckmerge {

/// Elements of a tensor that takes many blocks, in sums too; sanitizers make do with a few.
inline constexpr unsigned kLongTensor = test::kSanitized ? 9'001 : 70'001;

/// The coefficients of a method, or what it says is wrong with its arguments.
struct Coefficients {
  std::vector<double> values;
  std::string fault;
};
Coefficients coefficients(const char* method, const Arguments& arguments);
Arguments with_number(size_t inputs, double number);
Arguments with_values(size_t inputs, const std::vector<double>& values);  ///< of the parameters, in their order
Arguments with_numbers(size_t inputs, const std::vector<double>& numbers, bool flag);

/// Runs the method over F32 values on every table; they must agree. Empty where the merge is a bare copy.
std::vector<float> merged(const char* method, const std::vector<double>& coefficients,
                          const std::vector<std::vector<float>>& inputs);

/// The same for a tensor that is not called `weight` or has other than one dimension.
std::vector<float> merged(const char* method, const std::vector<double>& coefficients,
                          const std::vector<std::vector<float>>& inputs, const TensorFacts& tensor);

/// What the engine does for a tensor of a method with statistics.
struct TensorRun {
  std::vector<double> statistics;    ///< empty where the coefficients need none
  std::vector<double> coefficients;  ///< of the tensor
  std::vector<float> out;
};
/// The same on every table, which is checked.
TensorRun merged_by_tensor(const char* method, const Arguments& arguments,
                           const std::vector<std::vector<float>>& inputs);

/// A method's definition in f64, for one element of each checkpoint.
using Definition = std::function<double(const std::vector<double>&)>;

/// Holds the method to `right` over tensors of no, one and many elements: unlike ones, close ones, some of whose
/// elements are 0 or equal. `bound` is in units of 2^-24 of the largest of the values and the result; in f64, which is
/// held to it as well, of 2^-53. In the small dtypes the result must be that of f32, rounded once.
void check_definition(const char* method, const Arguments& arguments, const Definition& right, double bound);

/// Checkpoints that are equal give themselves, bit for bit, NaN, Inf, -0 and subnormals included.
void check_equal_stays(const char* method, const Arguments& arguments);

/// An element that is NaN in checkpoint `input` is NaN in the result, and no other is.
void check_nan_stays(const char* method, const Arguments& arguments);

/// The operand that the method copies with these coefficients, if it computes nothing.
std::optional<size_t> copied(const char* method, const std::vector<double>& coefficients, size_t inputs);

/// Weights of realistic scale, the same for a seed everywhere.
std::vector<float> weights(unsigned seed, size_t count = 1300);

/// FNV-1a of the bytes: short enough to keep in a test as the one result all machines must give.
uint64_t digest(const std::vector<float>& values);

}  // namespace ckmerge
