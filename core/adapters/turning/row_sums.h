// SPDX-License-Identifier: Apache-2.0
// Sums over the elements of a row in the one order that all reductions have: blocks of kReductionBlock elements, in
// each element i to f64 lane i mod 16, lanes added 0 to 15, blocks in order. The bits hang on the row alone.
#pragma once

#include <span>

namespace ckmerge {

/// The sum of x[i] * y[i], each product and sum rounded to f64.
double sum_of_products(std::span<const float> x, std::span<const float> y);
double sum_of_products(std::span<const double> x, std::span<const double> y);

/// x[i] += factor * y[i], rounded twice.
void add_scaled(std::span<double> x, double factor, std::span<const double> y);

/// Euclidean.
double norm(std::span<const float> x);
double norm(std::span<const double> x);

}  // namespace ckmerge
