// SPDX-License-Identifier: Apache-2.0
// What a merge must give, tensor by tensor, in plain loops over whole tensors written from the definitions: no tiles,
// no programs, no windows. Values are read and stored by the kernels' oracle.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "tests/core/checkpoint_files.h"

namespace ckmerge::test {

/// The sum of x[i] * y[i] as ARCHITECTURE.md defines it: blocks of 64 Ki elements, 16 lanes in f64, lanes and blocks in
/// order.
double sum_of_products(const std::vector<double>& x, const std::vector<double>& y);

/// The bytes of a tensor that A holds as tensors[0], B as tensors[1], ..., merged by `recipe`. The others may have
/// fewer channels (dimension 1).
std::string merged_bytes(const Recipe& recipe, const std::vector<FileTensor>& tensors);

/// Checks every tensor of the file at `path` against merged_bytes(); files[k] are the tensors of checkpoint k.
void check_file(const std::string& path, const Recipe& recipe, const std::vector<std::vector<FileTensor>>& files);

}  // namespace ckmerge::test
