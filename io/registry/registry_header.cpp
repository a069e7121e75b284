// SPDX-License-Identifier: Apache-2.0
// Offsets and values: sqlite.org/fileformat2.html, "The Database Header".
#include "io/registry/registry_header.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

#include "io/registry/registry_schema.h"

namespace ckmerge {
namespace {

using namespace std::string_view_literals;

struct Fixed {
  size_t offset;
  std::string_view bytes;
};

constexpr Fixed kFixed[] = {
    {0, "SQLite format 3\0"sv},
    {20, "\0\100\40\40"sv},  // unused bytes of a page; fractions of payload, 64, 32 and 32
    {44, "\0\0\0\4"sv},      // the schema's format
    {52, "\0\0\0\0"sv},      // no vacuum by itself
    {56, "\0\0\0\1"sv},      // UTF-8
    {64, "\0\0\0\0"sv},      // nor step by step
    {72, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv},
};
// Who may write, who may read: 1, or 2 with a write-ahead log.
constexpr size_t kVersions = 18, kPageSize = 16, kApplication = 68;

uint64_t big_endian(std::string_view bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return value;
}

bool is_version(char byte) { return byte == 1 || byte == 2; }

bool has_page_size(std::string_view bytes) {
  const uint64_t size = big_endian(bytes, kPageSize, 2);
  return size == 1 || (size >= 512 && std::has_single_bit(size));  // 1: 65,536
}

}  // namespace

bool says_it_is_a_registry(std::string_view bytes) {
  return bytes.size() >= kRegistryHeaderSize && big_endian(bytes, kApplication, 4) == kRegistryApplication;
}

bool begins_as_database(std::string_view bytes) { return bytes.starts_with(kFixed[0].bytes); }

bool has_a_header_of_ours(std::string_view bytes) {
  const auto is_there = [&](const Fixed& fixed) { return bytes.substr(fixed.offset).starts_with(fixed.bytes); };
  return bytes.size() >= kRegistryHeaderSize && std::ranges::all_of(kFixed, is_there) && has_page_size(bytes) &&
         is_version(bytes[kVersions]) && bytes[kVersions] == bytes[kVersions + 1];
}

void mend_header(std::string& header) {
  for (const auto& [offset, bytes] : kFixed) header.replace(offset, bytes.size(), bytes);
  if (!has_page_size(header)) header.replace(kPageSize, 2, "\x10\0"sv);  // 4,096
  char& writing = header[kVersions];
  char& reading = header[kVersions + 1];
  if (!is_version(writing)) writing = is_version(reading) ? reading : 2;
  reading = writing;
}

}  // namespace ckmerge
