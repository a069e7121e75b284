// SPDX-License-Identifier: Apache-2.0
// Tensors that have a row for each token: embeddings, heads, their biases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Which dimension of `tensor` counts tokens, by its name and how many dimensions it has; none: it has no such.
std::optional<size_t> vocabulary_axis(const Tensor& tensor);

/// Whether both have the same dimensions but for that one.
bool differ_in_rows_alone(const Tensor& tensor, const Tensor& other);

/// Indices of those of `checkpoint` that have as many rows as its embedding, in the order of its table; none where it
/// has no embedding that is known.
std::vector<size_t> vocabulary_tensors(const Checkpoint& checkpoint);

/// Their rows. REQUIRES: `tensor` is one of them.
inline uint64_t vocabulary_rows(const Tensor& tensor) { return tensor.shape[*vocabulary_axis(tensor)]; }

}  // namespace ckmerge
