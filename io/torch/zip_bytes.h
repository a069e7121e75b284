// SPDX-License-Identifier: Apache-2.0
// Numbers of zip archives, little-endian, and how an archive is refused that contradicts itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/file/input_file.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

inline uint64_t zip_number(const unsigned char* at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value << 8 | at[i];
  return value;
}

/// REQUIRES: offset + size within the file.
template <size_t size>
std::array<unsigned char, size> read_zip_bytes(const InputFile& file, uint64_t offset) {
  std::array<unsigned char, size> bytes;
  file.read_at(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

/// Throws Error(malformed).
template <typename... Parts>
[[noreturn]] void fail_zip(const Parts&... parts) {
  throw Error(ErrorCode::malformed, "", sentence("its zip archive is damaged or made to deceive: ", parts...));
}

}  // namespace ckmerge
