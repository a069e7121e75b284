// SPDX-License-Identifier: Apache-2.0
// What torch puts into a pickle for a tensor: a function's name and arguments that say which elements of which storage
// it is. They are read as a description, and every number in it is checked here (invariant I5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/pickle/pickle_values.h"
#include "io/torch/torch_dtypes.h"

namespace ckmerge {

/// A storage as a persistent id describes it.
struct TorchStorage {
  std::string_view key;
  const TorchDtype* type = nullptr;  ///< null: untyped, counted in bytes
  uint64_t size = 0;                 ///< bytes of the whole storage
  uint64_t view_begin = 0;           ///< bytes into it (files before torch 0.4); else 0
  uint64_t view_size = 0;            ///< bytes from there that are seen
};

/// Reads a persistent id. Throws Error(malformed).
TorchStorage read_storage(const PickleValues& values, PickleRef persistent);

/// A tensor as described: `offset`, `strides` and `shape` in elements, checked to lie within its storage. Of a dtype
/// with two elements in a byte `shape` and `count` are safetensors', the others torch's, in bytes.
struct TorchTensor {
  const TorchDtype* type = nullptr;
  TorchStorage storage;
  uint64_t offset = 0, count = 0;
  std::vector<uint64_t> shape, strides;
};

/// Whether the value would be a tensor in Python, of whatever kind.
bool is_tensor(const PickleValues& values, PickleRef value);

/// Whether its elements follow each other in the storage.
bool lies_in_order(const TorchTensor& tensor);

/// REQUIRES: is_tensor(). Fills `tensor`, whose memory is used again. Throws Error(malformed) that says what is wrong
/// with it, without its name; Error(mismatch) for kinds that cannot be read: sparse, quantized, conjugated ones.
void read_tensor(const PickleValues& values, PickleRef value, TorchTensor& tensor);

}  // namespace ckmerge
