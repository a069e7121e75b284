// SPDX-License-Identifier: Apache-2.0
// The header of a safetensors file (docs/format.md): JSON text to a tensor table, with the verdict of the reference
// implementation on every input, save the few stricter rules listed in docs/format.md. Pure: bytes in, table out, so it
// is fuzzed and tested with array literals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/table/metadata.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// The reference's cap on the header's length, padding included.
inline constexpr uint64_t kMaxHeaderSize = 100'000'000;

/// A parsed header. Offsets in `tensors` are from the start of the file.
struct Header {
  TensorTable tensors;        ///< sorted by name
  Metadata metadata;          ///< sorted by key; of equal keys the last, as in the reference
  bool has_metadata = false;  ///< `__metadata__` was there, even if empty
  uint64_t size = 0;          ///< N: bytes of the JSON with its padding
};

/// The length N in the file's first 8 bytes, checked against the cap and the file's size before anything is allocated.
/// Throws Error(malformed) without a path: whoever knows the path adds it.
uint64_t header_size(std::span<const std::byte> first_bytes, uint64_t file_size);

/// Parses the N bytes of JSON. `shard` goes into every row. Bytes behind the last tensor are an error, or counted in
/// `*rest` where that is not null.
/// Throws Error(malformed) that names the tensor and what was expected and found.
Header parse_header(std::span<const std::byte> json, uint64_t file_size, uint32_t shard = 0, uint64_t* rest = nullptr);

}  // namespace ckmerge
