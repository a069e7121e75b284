// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors/safetensors_layout.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "io/safetensors/safetensors_header.h"
#include "io/text/error.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kLengthSize = 8;

void append_number(std::string& out, uint64_t number) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

uint64_t end_of(uint64_t begin, uint64_t size) {
  uint64_t end = 0;
  if (__builtin_add_overflow(begin, size, &end))
    throw Error(ErrorCode::resources, "", "the output's tensors together have more bytes than 64 bits can count");
  return end;
}

void append_metadata(std::string& json, const Metadata& metadata) {
  json += "\"__metadata__\":{";
  for (const auto* entry : entries_by_key(metadata)) {
    if (json.back() != '{') json += ',';
    append_json_string(json, entry->first);
    json += ':';
    append_json_string(json, entry->second);
  }
  json += '}';
}

void append_entry(std::string& json, const OutputTensor& tensor, uint64_t begin, uint64_t end) {
  append_json_string(json, tensor.name);
  json += ":{\"dtype\":\"";
  json += info(tensor.dtype).name;
  json += "\",\"shape\":[";
  for (const uint64_t dimension : tensor.shape) {
    if (json.back() != '[') json += ',';
    append_number(json, dimension);
  }
  json += "],\"data_offsets\":[";
  append_number(json, begin);
  json += ',';
  append_number(json, end);
  json += "]}";
}

// Close to the header's size from above: appending must not double a string of 100 MB.
size_t expected_size(std::span<const OutputTensor> tensors) {
  size_t size = 4096;
  for (const OutputTensor& tensor : tensors) size += tensor.name.size() + 80 + 8 * tensor.shape.size();
  return std::min<size_t>(size, kMaxHeaderSize + 4096);
}

// Metadata is to blame only where the header would fit without it, but for the format, which is always told.
[[noreturn]] void refuse_size(uint64_t size, size_t metadata_size) {
  constexpr size_t kFormat = 40;
  const bool helps = size - metadata_size + kFormat <= kMaxHeaderSize;
  throw Error(ErrorCode::resources, "",
              sentence("the output's header would take ", size, " bytes, the format allows ", kMaxHeaderSize,
                       helps ? "; leave out metadata (--metadata none)"
                             : "; write a .ckpt, which has room for more names (--format ckpt), or leave out tensors "
                               "(--discard)"));
}

constexpr std::string_view kMetadataName = "__metadata__";

[[noreturn]] void refuse_name() {
  throw Error(
      ErrorCode::mismatch, std::string(kMetadataName),
      "a tensor called '__metadata__' makes a .safetensors that nothing reads, whose header has texts under that "
      "name; leave it out (--discard '^__metadata__$') or write a .ckpt (--format ckpt)");
}

// Pads the JSON, which begins after the length's eight bytes, and fills in the length.
void finish_header(std::string& header, size_t least_size, size_t metadata_size) {
  if (header.size() < least_size) header.append(least_size - header.size(), ' ');
  header.append(-header.size() % 8, ' ');
  const uint64_t size = header.size() - kLengthSize;
  if (size > kMaxHeaderSize) refuse_size(size, metadata_size);
  for (size_t i = 0; i < kLengthSize; ++i) header[i] = static_cast<char>(size >> 8 * i & 0xff);
}

}  // namespace

size_t metadata_json_size(const Metadata& metadata) {
  std::string json = "{";
  append_metadata(json, metadata);
  return json.size();
}

OutputLayout lay_out_safetensors(std::span<const OutputTensor> tensors, const Metadata* metadata,
                                 size_t least_header_size) {
  OutputLayout layout{
      .header = {}, .order = canonical_order(tensors), .offsets = std::vector<uint64_t>(tensors.size()), .frame = {}};
  std::string& header = layout.header;
  header.reserve(expected_size(tensors));
  header.assign(kLengthSize, '\0');
  header += '{';
  if (metadata) append_metadata(header, *metadata);
  const size_t metadata_size = header.size() - kLengthSize - 1;
  uint64_t end = 0;
  for (const uint32_t i : layout.order) {
    if (tensors[i].name == kMetadataName) refuse_name();
    const uint64_t begin = end;
    end = end_of(begin, tensors[i].size);
    if (header.back() != '{') header += ',';
    append_entry(header, tensors[i], begin, end);
    layout.offsets[i] = begin;
  }
  header += '}';
  finish_header(header, least_header_size, metadata_size);
  for (uint64_t& offset : layout.offsets) offset += header.size();
  layout.file_size = end_of(header.size(), end);
  return layout;
}

}  // namespace ckmerge
