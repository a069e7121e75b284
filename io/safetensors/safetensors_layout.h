// SPDX-License-Identifier: Apache-2.0
// Where everything goes in a .safetensors file: the reference writer's canonical layout, byte for byte
// (docs/format.md): tensors by dtype rank descending, then name; compact JSON; padded to 8.
#pragma once

#include "io/table/metadata.h"
#include "io/table/output_layout.h"

namespace ckmerge {

/// Bytes of the header's JSON up to the end of `metadata`: the brace, the key and the object.
size_t metadata_json_size(const Metadata& metadata);

/// Lays out `tensors`. The header is 8 bytes of length, JSON and padding, up to `least_header_size` where it is
/// shorter. `metadata` is written sorted by key, or left out when null. Throws Error(resources) when the header would
/// exceed the format's cap.
OutputLayout lay_out_safetensors(std::span<const OutputTensor> tensors, const Metadata* metadata,
                                 size_t least_header_size = 0);

}  // namespace ckmerge
