// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors/safetensors_file.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "io/safetensors/safetensors_header.h"
#include "io/safetensors/safetensors_layout.h"
#include "io/text/error.h"

namespace ckmerge {

bool begins_safetensors(std::span<const std::byte> first_bytes) {
  constexpr std::string_view kJsonBeginnings = "{ \t\r\n";
  if (first_bytes.size() < 8) return false;
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | std::to_integer<uint64_t>(first_bytes[i]);
  return length <= kMaxHeaderSize &&
         (first_bytes.size() == 8 || kJsonBeginnings.find(static_cast<char>(first_bytes[8])) != std::string_view::npos);
}

// Read, not parsed in the map: another process may change the file meanwhile.
void read_safetensors(Checkpoint& checkpoint, const OpenOptions& /*options*/) {
  const InputFile& file = checkpoint.shards[0];
  std::array<std::byte, 8> buffer;
  const auto length = std::span(buffer).first(std::min<uint64_t>(buffer.size(), file.size()));
  file.read_at(0, length);
  std::vector<std::byte> json(header_size(length, file.size()));
  file.read_at(8, json);
  Header header = parse_header(json, file.size(), 0);
  checkpoint.tensors = std::move(header.tensors);
  checkpoint.metadata = std::move(header.metadata);
  checkpoint.has_metadata = header.has_metadata;
  checkpoint.header_size = header.size;
}

std::optional<uint64_t> safetensors_tensors_begin(std::span<const std::byte> first_bytes, uint64_t file_size) {
  try {
    return 8 + header_size(first_bytes, file_size);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool is_canonical_safetensors(const Checkpoint& checkpoint) {
  const OutputLayout layout =
      lay_out_safetensors(output_tensors(checkpoint.tensors), checkpoint.has_metadata ? &checkpoint.metadata : nullptr);
  if (layout.file_size != checkpoint.file_size()) return false;
  std::string header(layout.header.size(), '\0');
  checkpoint.shards[0].read_at(0, std::as_writable_bytes(std::span(header)));
  return header == layout.header;
}

}  // namespace ckmerge
