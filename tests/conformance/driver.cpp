// SPDX-License-Identifier: Apache-2.0
// Lets a script ask the reader and the layout about thousands of files in one process. A pack is files one after
// another, each behind its size in eight bytes, little-endian.
//
//   conformance_driver verdicts PACK        prints per file "accept TENSOR..." or "reject SENTENCE"
//   conformance_driver layouts PACK OUT     writes the canonical form of every file into the pack OUT
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/safetensors/safetensors_header.h"
#include "io/safetensors/safetensors_layout.h"
#include "io/text/error.h"

using namespace ckmerge;

namespace {

uint64_t read_size(const std::string& bytes, size_t at) {
  uint64_t size = 0;
  for (int i = 7; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
  return size;
}

std::vector<std::string> read_pack(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> files;
  for (size_t at = 0; at < bytes.size(); at += 8 + files.back().size())
    files.push_back(bytes.substr(at + 8, read_size(bytes, at)));
  return files;
}

Header parse_file(const std::string& file) {
  const auto bytes = std::as_bytes(std::span(file));
  return parse_header(bytes.subspan(8, header_size(bytes, file.size())), file.size());
}

void print_hex(std::string_view text) {
  for (const unsigned char c : text) std::printf("%02x", c);
}

void print_verdict(const std::string& file) {
  try {
    const Header header = parse_file(file);
    std::printf("accept");
    for (size_t i = 0; i < header.tensors.size(); ++i) {
      const Tensor tensor = header.tensors[i];
      std::printf(" ");
      print_hex(tensor.name);
      std::printf(":%s:%llu:%llu", info(tensor.dtype).name, static_cast<unsigned long long>(tensor.offset),
                  static_cast<unsigned long long>(tensor.size));
      for (const uint64_t dimension : tensor.shape) std::printf(":%llu", static_cast<unsigned long long>(dimension));
    }
    std::printf("\n");
  } catch (const Error& error) {
    std::printf("reject ");
    print_hex(error.what());
    std::printf("\n");
  }
}

std::string canonical_form(const std::string& file) {
  const Header header = parse_file(file);
  const std::vector<OutputTensor> tensors = output_tensors(header.tensors);
  const OutputLayout layout = lay_out_safetensors(tensors, header.has_metadata ? &header.metadata : nullptr);
  std::string out = layout.header;
  out.resize(layout.file_size);
  for (size_t i = 0; i < tensors.size(); ++i)
    std::memcpy(out.data() + layout.offsets[i], file.data() + header.tensors[i].offset, tensors[i].size);
  return out;
}

void write_layouts(const char* pack, const char* out_path) {
  std::ofstream out(out_path, std::ios::binary);
  for (const std::string& file : read_pack(pack)) {
    const std::string canonical = canonical_form(file);
    for (int i = 0; i < 8; ++i) out.put(static_cast<char>(canonical.size() >> 8 * i));
    out << canonical;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view task = argc > 2 ? argv[1] : "";
  if (task == "verdicts" && argc == 3) {
    for (const std::string& file : read_pack(argv[2])) print_verdict(file);
    return 0;
  }
  if (task == "layouts" && argc == 4) {
    write_layouts(argv[2], argv[3]);
    return 0;
  }
  std::fputs("usage: conformance_driver verdicts PACK | layouts PACK OUT\n", stderr);
  return 2;
}
