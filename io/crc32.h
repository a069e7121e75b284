// SPDX-License-Identifier: Apache-2.0
// CRC-32 as zip files and zlib have it. Sums of parts that are taken in any order make the sum of the whole: each
// part's is carried past the bytes behind it, and they are added without carry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ckmerge {

uint32_t crc32_of(std::span<const std::byte> bytes);

/// What a part whose sum is `crc`, with `bytes_behind` it, adds to the sum of the whole: XOR of all parts' is that sum.
uint32_t crc32_share(uint32_t crc, uint64_t bytes_behind);

/// Of the zlib that was loaded.
std::string version_of_zlib();

}  // namespace ckmerge
