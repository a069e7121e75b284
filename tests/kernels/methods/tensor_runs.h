// SPDX-License-Identifier: Apache-2.0
// Methods whose coefficients come from whole tensors, held to definitions that see whole tensors.
#pragma once

#include <functional>
#include <vector>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

using Vector = std::vector<double>;

/// A method's definition in f64, over the elements of a tensor of each checkpoint.
using TensorDefinition = std::function<Vector(const std::vector<Vector>&)>;

/// Arguments whose first parameter is a number for each checkpoint, with numbers of those behind it.
Arguments with_weights(const std::vector<double>& weights, const std::vector<double>& others = {});

/// Tensors of `inputs` checkpoints: the first at random, each other one `apart` of the way from it to one of its own.
std::vector<std::vector<float>> tensors_apart(size_t inputs, size_t count, double apart);

/// Holds the method to `right` over tensors of no, few and many elements that are unlike, close and nearly the same.
/// `bound` is in units of 2^-24 of the largest magnitude in the tensors and the result.
void check_tensors(const char* method, const Arguments& arguments, const TensorDefinition& right, double bound);

/// The same for these tensors.
void check_tensors(const char* method, const Arguments& arguments, const TensorDefinition& right, double bound,
                   const std::vector<std::vector<float>>& inputs);

/// Tensors that are equal give themselves, bit for bit, with and without NaN and Inf in them; so do tensors of zeros
/// and of one element.
void check_equal_tensors_stay(const char* method, const Arguments& arguments);

/// An element that is NaN or Inf in one checkpoint has no value in the result; all others have one.
void check_nan_stays_alone(const char* method, const Arguments& arguments);

double dot(const Vector& x, const Vector& y);
double length(const Vector& x);
Vector sum_of(const std::vector<double>& weights, const std::vector<Vector>& x);  ///< weighted
Vector difference(const Vector& x, const Vector& y);

}  // namespace ckmerge
