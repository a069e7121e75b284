// SPDX-License-Identifier: Apache-2.0
// Where everything goes in an output file, known before the first byte is computed. Each form lays out in a folder of
// its own (io/output_forms); what they have in common is the order of tensors, the reference writer's of safetensors.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/table/output_frame.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// One tensor to be written. The name and shape must stay valid until it is laid out.
struct OutputTensor {
  std::string_view name;
  Dtype dtype = Dtype::F32;
  Shape shape;
  uint64_t size = 0;  ///< bytes
  /// Index among those given of the tensor, of the same dtype and shape, whose bytes are its own too, in forms that can
  /// say so (OutputForm::shares_bytes). It has no bytes then, whatever `size` is. REQUIRES: that one has its own, and
  /// comes before it in canonical_order().
  uint32_t same_as = kOwn;

  static constexpr uint32_t kOwn = UINT32_MAX;
};

struct OutputLayout {
  std::string header;             ///< the file's first bytes, in front of the first tensor
  std::vector<uint32_t> order;    ///< indices of the tensors given, in file order
  std::vector<uint64_t> offsets;  ///< offset in the file of each tensor given, by its index; ascending in `order`
  uint64_t file_size = 0;
  std::unique_ptr<const OutputFrame> frame;  ///< its bytes between and behind the tensors; null: there are none
};

/// The order of tensors in a file, as their indices: by dtype rank, highest first, so that every tensor of whole bytes
/// is naturally aligned; then by name.
std::vector<uint32_t> canonical_order(std::span<const OutputTensor> tensors);

/// The tensors of a table, to be written as they are.
std::vector<OutputTensor> output_tensors(const TensorTable& table);

}  // namespace ckmerge
