// SPDX-License-Identifier: Apache-2.0
// Where everything goes in the output, known before the first byte is computed. The canonical layout is the reference
// writer's, byte for byte (docs/format.md): tensors by dtype rank descending, then name; compact JSON; padded to 8.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors/safetensors_header.h"
#include "io/torch/zip_frame.h"

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
  std::optional<ZipFrame> frame;  ///< of a .ckpt: its bytes between and behind the tensors
};

/// The order of tensors in a file, as their indices: by dtype rank, highest first, so that every tensor of whole bytes
/// is naturally aligned; then by name.
std::vector<uint32_t> canonical_order(std::span<const OutputTensor> tensors);

/// Lays out `tensors`. `metadata` is written sorted by key, or left out when null. The header is padded to
/// `least_header_size`, where it is shorter. Throws Error(resources) when the
/// header would exceed the format's cap.
OutputLayout lay_out(std::span<const OutputTensor> tensors, const Metadata* metadata, size_t least_header_size = 0);

/// Lays `tensors` out as a .ckpt (io/torch/torch_pickle.h, io/torch/zip_frame.h), in the same order. The header is that
/// of the archive's first entry and the pickle. Throws Error(resources). REQUIRES: torch_storage() for every dtype.
OutputLayout lay_out_ckpt(std::span<const OutputTensor> tensors, const Metadata* metadata);

}  // namespace ckmerge
