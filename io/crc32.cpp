// SPDX-License-Identifier: Apache-2.0
// The only file that includes zlib.
#include "io/crc32.h"

#include <zlib.h>

namespace ckmerge {

uint32_t crc32_of(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Zlib's combination of two sums is linear, and the sum of nothing is 0.
uint32_t crc32_share(uint32_t crc, uint64_t bytes_behind) {
  return static_cast<uint32_t>(crc32_combine(crc, 0, static_cast<z_off_t>(bytes_behind)));
}

std::string version_of_zlib() { return zlibVersion(); }

}  // namespace ckmerge
