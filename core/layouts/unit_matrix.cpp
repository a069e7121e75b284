// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/unit_matrix.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// 1.0 as little-endian bytes in eight.
uint64_t one_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::F64: return 0x3ff0000000000000;
    case Dtype::F32: return 0x3f800000;
    case Dtype::F16: return 0x3c00;
    case Dtype::BF16: return 0x3f80;
    case Dtype::F8_E4M3: return 0x38;
    case Dtype::F8_E5M2: return 0x3c;
    default: return 0;
  }
}

// Bytes of the matrix from `offset` on.
void read_unit(uint64_t one, uint64_t element, uint64_t width, uint64_t offset, std::span<std::byte> out) {
  std::ranges::fill(out, std::byte{0});
  const uint64_t end = offset + out.size(), step = (width + 1) * element;
  for (uint64_t at = offset / step * step; at < end; at += step)
    for (uint64_t byte = 0; byte < element; ++byte)
      if (at + byte >= offset && at + byte < end) out[at + byte - offset] = static_cast<std::byte>(one >> (8 * byte));
}

}  // namespace

bool has_unit(Dtype dtype) { return one_of(dtype) != 0; }

void put_unit_matrix(Checkpoint& checkpoint, std::string_view name, Dtype dtype, uint64_t width) {
  const uint64_t one = one_of(dtype), element = element_size(dtype), size = width * width * element;
  MemoryBytes bytes{.size = size, .read = [=](uint64_t offset, std::span<std::byte> out) {
                      read_unit(one, element, width, offset, out);
                    }};
  checkpoint.tensors.rename([&](std::string_view other) { return other == name ? "" : std::string(other); });
  const auto shard = static_cast<uint32_t>(checkpoint.shards.size());
  checkpoint.shards.emplace_back(std::move(bytes), sentence(name, " made for ", checkpoint.path));
  checkpoint.tensors.add(name, dtype, std::array{width, width}, shard, 0, size, width * width);
  checkpoint.tensors.sort_by_name();
}

}  // namespace ckmerge
