// SPDX-License-Identifier: Apache-2.0
// Random tensors as pieces and views of storages, and the same tensors as plain ones, made without the code under test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/table/checkpoint.h"
#include "tests/core/checkpoint_files.h"

namespace ckmerge::test {

/// A run of a tensor's elements in a storage.
struct StoredPiece {
  std::string storage;
  uint64_t first = 0, count = 0;                   ///< elements
  std::vector<uint64_t> shape = {}, strides = {};  ///< both empty: in order
};

struct PiecedTensor {
  std::string name;
  Dtype dtype;
  std::vector<uint64_t> shape;
  std::vector<StoredPiece> pieces;
};

/// One of every kind of dtype (some of no arithmetic where `with_opaque`), different for each seed.
std::vector<FileTensor> random_storages(uint64_t seed, bool with_opaque);

/// Tensors made of `storages`: in pieces, in views, in both, and such as are plain. Shapes and names are those of every
/// other seed of the same `shapes_seed`.
std::vector<PiecedTensor> random_tensors(const std::vector<FileTensor>& storages, uint64_t shapes_seed, uint64_t seed);

/// What they are, element by element.
std::vector<FileTensor> plain_tensors(const std::vector<PiecedTensor>& tensors,
                                      const std::vector<FileTensor>& storages);

/// Puts `tensors` in the place of a checkpoint's, which are their storages.
void rebuild(Checkpoint& checkpoint, const std::vector<PiecedTensor>& tensors);

}  // namespace ckmerge::test
