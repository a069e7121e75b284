// SPDX-License-Identifier: Apache-2.0
// Weights of averages over snapshots of one training, the oldest first. In plain f64 arithmetic, so that they are the
// same bits everywhere; they go into the recipe as numbers.
#pragma once

#include <cstddef>
#include <vector>

namespace ckmerge {

/// What an exponential moving average comes to that starts with the first snapshot and takes every later one in as
/// beta * average + (1 - beta) * snapshot. Throws Error(usage) unless 0 <= beta < 1.
std::vector<double> ema_weights(size_t snapshots, double beta);

/// The power-function profile (Karras et al., arXiv:2312.02696), in which the snapshot of time t counts as t^gamma: at
/// snapshot k of n the average keeps (1 - 1/k)^(gamma + 1) of itself. Throws Error(usage) unless 0 <= gamma <= 1000.
std::vector<double> power_weights(size_t snapshots, double gamma);

}  // namespace ckmerge
