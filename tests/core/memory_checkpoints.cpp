// SPDX-License-Identifier: Apache-2.0
#include "tests/core/memory_checkpoints.h"

#include <cstring>

namespace ckmerge::test {

Checkpoint MemoryCheckpoints::open(const std::string& name, const std::vector<FileTensor>& tensors,
                                   const IsAsked& is_asked, const OpenOptions& options) {
  std::vector<std::string>& bytes = bytes_.emplace_back();
  std::vector<MemoryTensor> described;
  for (const FileTensor& tensor : tensors) bytes.push_back(" " + tensor.bytes);
  for (size_t k = 0; k < tensors.size(); ++k)
    described.push_back({.name = tensors[k].name,
                         .dtype = info(tensors[k].dtype).name,
                         .shape = tensors[k].shape,
                         .data = is_asked(k) ? nullptr : bytes[k].data() + 1});
  const ReadTensor read = [this, &bytes](size_t tensor, uint64_t offset, std::span<std::byte> out) {
    const int answer = on_read ? on_read(tensor, offset, out.size()) : 0;
    if (answer == 0) std::memcpy(out.data(), bytes[tensor].data() + 1 + offset, out.size());
    return answer;
  };
  return open_tensors({.name = std::string(kMemoryPrefix) + name, .tensors = described, .read = read}, options);
}

}  // namespace ckmerge::test
