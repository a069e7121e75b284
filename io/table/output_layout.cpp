// SPDX-License-Identifier: Apache-2.0
#include "io/table/output_layout.h"

#include <array>

#include "io/table/name_order.h"

namespace ckmerge {

std::vector<uint32_t> canonical_order(std::span<const OutputTensor> tensors) {
  std::array<std::vector<uint32_t>, kDtypeCount> by_rank;
  for (uint32_t i = 0; i < tensors.size(); ++i) by_rank[static_cast<size_t>(tensors[i].dtype)].push_back(i);

  std::vector<uint32_t> order;
  order.reserve(tensors.size());
  std::vector<std::string_view> names;
  for (auto rank = by_rank.rbegin(); rank != by_rank.rend(); ++rank) {
    names.clear();
    for (const uint32_t i : *rank) names.push_back(tensors[i].name);
    for (const uint32_t k : order_by_name(names)) order.push_back((*rank)[k]);
  }
  return order;
}

std::vector<OutputTensor> output_tensors(const TensorTable& table) {
  std::vector<OutputTensor> tensors;
  tensors.reserve(table.size());
  for (size_t i = 0; i < table.size(); ++i) {
    const Tensor tensor = table[i];
    tensors.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.size});
  }
  return tensors;
}

}  // namespace ckmerge
