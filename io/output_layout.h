// SPDX-License-Identifier: Apache-2.0
// Where everything goes in the output, known before the first byte is computed. The canonical layout is the reference
// writer's, byte for byte (docs/format.md): tensors by dtype rank descending, then name; compact JSON; padded to 8.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors_header.h"

namespace ckmerge {

/// One tensor to be written. The name and shape must stay valid until lay_out() has returned.
struct OutputTensor {
  std::string_view name;
  Dtype dtype = Dtype::F32;
  Shape shape;
  uint64_t size = 0;  ///< bytes
};

struct OutputLayout {
  std::string header;             ///< the file's first bytes: 8 of length, JSON, padding
  std::vector<uint32_t> order;    ///< indices of the tensors given, in file order
  std::vector<uint64_t> offsets;  ///< offset in the file of each tensor given, by its index
  uint64_t file_size = 0;
};

/// Lays out `tensors`. `metadata` is written sorted by key, or left out when null. The header is padded to
/// `least_header_size`, where it is shorter. Throws Error(resources) when the
/// header would exceed the format's cap.
OutputLayout lay_out(std::span<const OutputTensor> tensors, const Metadata* metadata, size_t least_header_size = 0);

}  // namespace ckmerge
