// SPDX-License-Identifier: Apache-2.0
// The element types of torch, by the names that its files have for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "kernels/dtype.h"

namespace ckmerge {

struct TorchDtype {
  const char* storage;         ///< its legacy storage class, without "Storage"; null where it never had one
  const char* name;            ///< torch.NAME
  uint64_t size;               ///< bytes of what torch counts as one element
  std::optional<Dtype> dtype;  ///< ours; none where safetensors has none
};

/// torch.NAME, or null.
const TorchDtype* torch_dtype(std::string_view name);

/// Of torch.STORAGEStorage, or null.
const TorchDtype* torch_dtype_of_storage(std::string_view storage);

}  // namespace ckmerge
