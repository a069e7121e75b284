// SPDX-License-Identifier: Apache-2.0
#include "io/torch/torch_layout.h"

#include "io/hash/crc32.h"
#include "io/torch/torch_pickle.h"
#include "io/torch/zip_frame.h"

namespace ckmerge {

OutputLayout lay_out_ckpt(std::span<const OutputTensor> tensors, const Metadata* metadata, std::string_view wrap) {
  OutputLayout layout;
  layout.order = canonical_order(tensors);
  std::vector<uint64_t> sizes;
  for (const uint32_t i : layout.order) sizes.push_back(tensors[i].size);
  const std::string pickle = torch_pickle(tensors, layout.order, metadata, wrap);
  auto frame = std::make_unique<ZipFrame>(pickle.size(), sizes);
  layout.header = frame->first_header(crc32_of(std::as_bytes(std::span(pickle)))) + pickle;
  layout.offsets.resize(tensors.size());
  for (size_t k = 0; k < layout.order.size(); ++k) layout.offsets[layout.order[k]] = frame->storage_offset(k);
  layout.file_size = frame->file_size();
  layout.frame = std::move(frame);
  return layout;
}

}  // namespace ckmerge
