// SPDX-License-Identifier: Apache-2.0
#include "tests/core/checkpoint_files.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <span>
#include <sstream>
#include <stdexcept>

namespace ckmerge::test {

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "ckmerge-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder can be made");
  path_ = pattern;
}

TempFolder::~TempFolder() { std::filesystem::remove_all(path_); }

std::vector<std::string> TempFolder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

FileTensor f32(const std::string& name, std::vector<uint64_t> shape, const std::vector<float>& values) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(values));
  return {name, Dtype::F32, std::move(shape), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
}

FileTensor bits(const std::string& name, Dtype dtype, std::vector<uint64_t> shape,
                const std::vector<uint64_t>& values) {
  std::string bytes;
  for (const uint64_t value : values) bytes.append(reinterpret_cast<const char*>(&value), element_size(dtype));
  return {name, dtype, std::move(shape), bytes};
}

FileTensor random(const std::string& name, Dtype dtype, std::vector<uint64_t> shape, uint64_t seed) {
  uint64_t count = 1;
  for (const uint64_t dim : shape) count *= dim;
  const size_t size = element_size(dtype);
  std::string bytes(count * size, '\0');
  uint64_t state = seed * 2 + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  // The top byte holds sign and exponent: clearing one exponent bit keeps values small and finite.
  if (is_real(dtype))
    for (size_t i = size - 1; i < bytes.size(); i += size) bytes[i] = static_cast<char>(bytes[i] & ~0x40);
  return {name, dtype, std::move(shape), bytes};
}

std::string write_file(const std::string& path, const std::vector<FileTensor>& tensors, size_t padding,
                       const std::string& metadata) {
  std::ostringstream json;
  json << '{';
  if (!metadata.empty()) json << "\"__metadata__\":" << metadata << (tensors.empty() ? "" : ",");
  size_t offset = 0;
  for (const FileTensor& tensor : tensors) {
    json << (offset || &tensor != &tensors[0] ? "," : "") << '"' << tensor.name << "\":{\"dtype\":\""
         << info(tensor.dtype).name << "\",\"shape\":[";
    for (size_t i = 0; i < tensor.shape.size(); ++i) json << (i ? "," : "") << tensor.shape[i];
    json << "],\"data_offsets\":[" << offset << ',' << offset + tensor.bytes.size() << "]}";
    offset += tensor.bytes.size();
  }
  json << '}' << std::string(padding, ' ');
  const std::string header = json.str();
  const uint64_t size = header.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&size), 8) << header;
  for (const FileTensor& tensor : tensors) file << tensor.bytes;
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::string tensor_bytes(const std::string& path, const std::string& name) {
  const std::string file = read_file(path);
  uint64_t size = 0;
  std::memcpy(&size, file.data(), 8);
  const size_t entry = file.find('"' + name + "\":{");
  const size_t offsets = file.find("\"data_offsets\":[", entry);
  if (entry == std::string::npos || offsets > 8 + size) throw std::runtime_error("no tensor " + name + " in " + path);
  size_t begin = 0, end = 0;
  std::sscanf(file.c_str() + offsets, "\"data_offsets\":[%zu,%zu]", &begin, &end);
  return file.substr(8 + size + begin, end - begin);
}

std::vector<float> f32_values(const std::string& path, const std::string& name) {
  const std::string bytes = tensor_bytes(path, name);
  std::vector<float> values(bytes.size() / 4);
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace ckmerge::test
