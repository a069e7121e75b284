// SPDX-License-Identifier: Apache-2.0
#include "io/hash/crc32.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace ckmerge;

namespace {

// Bit by bit, as the polynomial has it.
uint32_t plain_crc(std::span<const std::byte> bytes) {
  uint32_t crc = 0xffffffff;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::vector<std::byte> random_bytes(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

}  // namespace

TEST_CASE("the check value of CRC-32") {
  const std::string text = "123456789";
  CHECK(crc32_text(crc32_of(std::as_bytes(std::span(text)))) == "cbf43926");
  CHECK(crc32_text(crc32_of({})) == "00000000");
}

TEST_CASE("every size and alignment gives the plain loop's sum") {
  const std::vector<std::byte> bytes = random_bytes(5000, 1);
  for (size_t size = 0; size < 700; ++size) {
    const auto range = std::span(bytes).subspan(size % 17, size);
    CHECK(crc32_of(range) == plain_crc(range));
  }
  for (const size_t size : {1000u, 4095u, 4096u, 4097u})
    CHECK(crc32_of(std::span(bytes).first(size)) == plain_crc(std::span(bytes).first(size)));
  const std::vector<std::byte> zeros(4096);
  CHECK(crc32_of(zeros) == plain_crc(zeros));
}

TEST_CASE("sums of neighbours are joined") {
  const std::vector<std::byte> bytes = random_bytes(3000, 2);
  for (const size_t cut : {0u, 1u, 300u, 2999u, 3000u}) {
    const auto first = std::span(bytes).first(cut), second = std::span(bytes).subspan(cut);
    CHECK(joined_crc32(crc32_of(first), crc32_of(second), second.size()) == plain_crc(bytes));
  }
}
