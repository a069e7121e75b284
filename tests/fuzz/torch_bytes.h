// SPDX-License-Identifier: Apache-2.0
// What the fuzzers of PyTorch's forms have in common: any bytes opened as a file, and what must hold of whatever is
// accepted.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint.h"
#include "io/table/tensor_reader.h"
#include "io/text/error.h"
#include "io/text/utf8.h"

namespace ckmerge::fuzz {

inline void expect(bool holds) {
  if (!holds) std::abort();
}

/// A file in memory, opened by its path as any other.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(memfd_create("fuzz", 0)) {
    expect(descriptor_ >= 0);
    expect(write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  MemoryFile(const MemoryFile&) = delete;
  ~MemoryFile() { close(descriptor_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

inline void read_all(const Checkpoint& checkpoint, size_t row) {
  const uint64_t size = checkpoint.tensors[row].size;
  std::vector<std::byte> out(size);
  TensorReader().read(checkpoint, row, 0, size, out.data());
}

/// Every element of every tensor lies in the file and can be read; names are in order, each once, and so are keys of
/// metadata, all of it text.
inline void expect_readable(const Checkpoint& checkpoint) {
  uint64_t total = 0;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const Tensor tensor = checkpoint.tensors[i];
    uint64_t count = 1, last = 0;
    for (size_t d = 0; d < tensor.shape.size(); ++d) count *= tensor.shape[d];
    expect(count == tensor.count && tensor.size == count * element_size(tensor.dtype));
    expect(tensor.strides.empty() || tensor.strides.size() == tensor.shape.size());
    expect(i == 0 || checkpoint.tensors[i - 1].name < tensor.name);
    for (size_t d = 0; d < tensor.strides.size(); ++d) last += (tensor.shape[d] - 1) * tensor.strides[d];
    const uint64_t size = tensor.strides.empty() ? tensor.size : (last + 1) * element_size(tensor.dtype);
    expect(count == 0 || (tensor.offset <= checkpoint.file_size() && size <= checkpoint.file_size() - tensor.offset));
    total += tensor.size;
    if (total < (1 << 20)) read_all(checkpoint, i);
  }
  for (const auto& [key, value] : checkpoint.metadata) expect(is_utf8(key) && is_utf8(value));
  for (size_t i = 1; i < checkpoint.metadata.size(); ++i)
    expect(checkpoint.metadata[i - 1].first < checkpoint.metadata[i].first);
  expect(checkpoint.has_metadata || checkpoint.metadata.empty());
}

/// Opened to merge, and to look at, which refuses less.
inline void open_both_ways(std::string_view bytes) {
  const MemoryFile file(bytes);
  bool opened = false;
  try {
    expect_readable(open_checkpoint(file.path()));
    opened = true;
  } catch (const Error&) {
  }
  try {
    expect_readable(open_checkpoint(file.path(), {.as_stored = true}));
  } catch (const Error&) {
    expect(!opened);
  }
}

}  // namespace ckmerge::fuzz
