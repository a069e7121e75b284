// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors/safetensors_file.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "io/safetensors/safetensors_header.h"
#include "io/safetensors/safetensors_layout.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Some writers pad so.
bool spaces_for_nul(std::vector<std::byte>& json) {
  const size_t before = json.size();
  size_t end = before;
  while (end > 0 && json[end - 1] == std::byte{0}) json[--end] = std::byte{' '};
  return end < before;
}

}  // namespace

bool begins_safetensors(std::span<const std::byte> first_bytes) {
  constexpr std::string_view kJsonBeginnings = "{ \t\r\n";
  if (first_bytes.size() < 8) return false;
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | std::to_integer<uint64_t>(first_bytes[i]);
  return length <= kMaxHeaderSize &&
         (first_bytes.size() == 8 || kJsonBeginnings.find(static_cast<char>(first_bytes[8])) != std::string_view::npos);
}

// Read, not parsed in the map: another process may change the file meanwhile.
void read_safetensors(Checkpoint& checkpoint, const OpenOptions& options) {
  const InputFile& file = checkpoint.shards[0];
  std::array<std::byte, 8> buffer;
  const auto length = std::span(buffer).first(std::min<uint64_t>(buffer.size(), file.size()));
  file.read_at(0, length);
  std::vector<std::byte> json(header_size(length, file.size()));
  file.read_at(8, json);
  uint64_t rest = 0;
  if (options.mend && spaces_for_nul(json))
    checkpoint.notes.push_back("NUL bytes behind its header were taken for spaces");
  Header header = parse_header(json, file.size(), 0, options.mend ? &rest : nullptr);
  if (rest > 0)
    checkpoint.notes.push_back(sentence(rest, rest == 1 ? " byte" : " bytes", " behind its last tensor left out"));
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

// The reference writes the keys of metadata in an order that changes from run to run: any of them is as good. In any,
// canonical entries take the same bytes, and others more.
bool is_canonical_safetensors(const Checkpoint& checkpoint) try {
  const std::vector<OutputTensor> tensors = output_tensors(checkpoint.tensors);
  const OutputLayout layout = lay_out_safetensors(tensors, checkpoint.has_metadata ? &checkpoint.metadata : nullptr);
  if (layout.file_size != checkpoint.file_size()) return false;
  std::string header(layout.header.size(), '\0');
  checkpoint.shards[0].read_at(0, std::as_writable_bytes(std::span(header)));
  constexpr std::string_view kFront = "{\"__metadata__\":{";
  constexpr size_t kLength = 8;
  if (!checkpoint.has_metadata || checkpoint.metadata.size() < 2) return header == layout.header;
  if (!std::string_view(header).substr(kLength).starts_with(kFront)) return false;
  const size_t end = kLength + metadata_json_size(checkpoint.metadata);
  return header.compare(0, kLength, layout.header, 0, kLength) == 0 && header[end - 1] == '}' &&
         header.compare(end, header.npos, layout.header, end, header.npos) == 0;
} catch (const Error& error) {
  if (error.code() == ErrorCode::resources) return false;  // the limit of an output, which this is none
  throw;
}

}  // namespace ckmerge
