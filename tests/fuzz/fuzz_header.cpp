// SPDX-License-Identifier: Apache-2.0
// The header reader on any bytes, as a whole file. What it accepts, lay_out_safetensors() writes and the reader reads
// back as the same tensors and metadata; a second writing changes nothing.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "io/file_kind.h"
#include "io/safetensors/header_pieces.h"
#include "io/safetensors/safetensors_header.h"
#include "io/safetensors/safetensors_layout.h"
#include "io/text/error.h"
#include "io/text/json_writer.h"

using namespace ckmerge;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

OutputLayout lay_out_again(const Header& header) {
  return lay_out_safetensors(output_tensors(header.tensors), header.has_metadata ? &header.metadata : nullptr);
}

Header parse_again(const OutputLayout& layout) {
  return parse_header(std::as_bytes(std::span(layout.header)).subspan(8), layout.file_size);
}

void expect_same_tensors(const Header& before, const Header& after) {
  expect(before.tensors.size() == after.tensors.size());
  for (size_t i = 0; i < before.tensors.size(); ++i) {
    const Tensor a = before.tensors[i], b = after.tensors[i];
    expect(a.name == b.name && a.dtype == b.dtype && a.size == b.size && a.count == b.count);
    expect(std::vector(a.shape.begin(), a.shape.end()) == std::vector(b.shape.begin(), b.shape.end()));
    expect(before.tensors.find(a.name) == i);
  }
}

void expect_inside_file(const Header& header, uint64_t file_size) {
  for (size_t i = 0; i < header.tensors.size(); ++i) {
    const Tensor tensor = header.tensors[i];
    expect(tensor.offset >= 8 + header.size && tensor.offset <= file_size);
    expect(tensor.size <= file_size - tensor.offset);
  }
}

// Cut at every border, a header has as many pieces as members.
void expect_piece_per_member(const OutputLayout& layout, const Header& header) {
  HeaderPieces pieces(std::string_view(layout.header).substr(8), /*piece_size=*/0);
  size_t count = 0;
  for (; !pieces.done(); ++count) pieces.next();
  expect(count == header.tensors.size() + header.has_metadata);
}

void check_file(std::span<const std::byte> file) {
  const uint64_t size = header_size(file, file.size());
  const Header header = parse_header(file.subspan(8, size), file.size());
  expect_inside_file(header, file.size());
  const OutputLayout layout = lay_out_again(header);
  expect_piece_per_member(layout, header);
  const Header again = parse_again(layout);
  expect_same_tensors(header, again);
  expect(header.has_metadata == again.has_metadata && header.metadata == again.metadata);
  expect(lay_out_again(again).header == layout.header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  other_file_kind({.first = file});
  std::string report;
  append_json_string(report, {reinterpret_cast<const char*>(data), size}, /*terminal_safe=*/true);
  try {
    check_file(file);
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::malformed && error.what()[0] != '\0');
  }
  return 0;
}
