// SPDX-License-Identifier: Apache-2.0
#include "io/torch/torch_layout.h"

#include "io/hash/crc32.h"
#include "io/torch/torch_pickle.h"
#include "io/torch/zip_frame.h"

namespace ckmerge {

OutputLayout lay_out_ckpt(std::span<const OutputTensor> tensors, const Metadata* metadata, std::string_view wrap) {
  OutputLayout layout;
  layout.order = canonical_order(tensors);
  std::vector<uint64_t> sizes;                     // of storages
  std::vector<uint32_t> storages(tensors.size());  // of tensors
  for (const uint32_t i : layout.order) {
    const bool owns = tensors[i].same_as == OutputTensor::kOwn;
    storages[i] = owns ? static_cast<uint32_t>(sizes.size()) : storages[tensors[i].same_as];
    if (owns) sizes.push_back(tensors[i].size);
  }
  const std::string pickle = torch_pickle(tensors, layout.order, storages, metadata, wrap);
  auto frame = std::make_unique<ZipFrame>(pickle.size(), sizes);
  layout.header = frame->first_header(crc32_of(std::as_bytes(std::span(pickle)))) + pickle;
  layout.offsets.resize(tensors.size());
  uint64_t end = layout.header.size();
  for (const uint32_t i : layout.order) {
    const bool owns = tensors[i].same_as == OutputTensor::kOwn;
    layout.offsets[i] = owns ? frame->storage_offset(storages[i]) : end;
    if (owns) end = layout.offsets[i] + tensors[i].size;
  }
  layout.file_size = frame->file_size();
  layout.frame = std::move(frame);
  return layout;
}

}  // namespace ckmerge
