// SPDX-License-Identifier: Apache-2.0
// CRC-32 as zip files and Civitai have it (polynomial 0xedb88320), by zlib: of ranges, which are joined afterwards, so
// that a file's ranges may be read in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ckmerge {

uint32_t crc32_of(std::span<const std::byte> bytes);

/// The CRC of two ranges, one behind the other, from theirs. That of nothing is 0.
uint32_t joined_crc32(uint32_t first, uint32_t second, uint64_t second_size);

/// The share that a part has in the CRC of the whole, from its own `crc` and the `bytes_behind` it: all parts' shares,
/// combined by XOR, are the whole's.
uint32_t crc32_share(uint32_t crc, uint64_t bytes_behind);

/// 8 lower-case hex digits.
std::string crc32_text(uint32_t crc);

}  // namespace ckmerge
