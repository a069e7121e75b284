// SPDX-License-Identifier: Apache-2.0
// Matrices of a VAE's attention are convolutions of one point in the original's names: with two ones behind them, with
// one in old files, with none in some.
#pragma once

#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Gives those of `other` the ones that `first` has, whatever prefix the VAE has there. Returns what was done, a
/// clause.
std::vector<std::string> equate_ones(const Checkpoint& first, Checkpoint& other);

}  // namespace ckmerge
