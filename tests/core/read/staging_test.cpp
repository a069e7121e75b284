// SPDX-License-Identifier: Apache-2.0
#include "core/read/staging.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace ckmerge;

TEST_CASE("what direct I/O writes behind the end of a file is zeros, and nothing that was in memory") {
  constexpr uint64_t kUnit = OutputFile::kAlignment;
  constexpr std::byte kOld{0xa5};
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, kUnit - 1, kUnit, kUnit + 7}) {
    Staging staging(2 * kUnit);
    const std::span<std::byte> all = staging.first(2 * kUnit);
    std::ranges::fill(all, kOld);
    clear_room_behind(staging.first(size));
    const uint64_t padded = (size + kUnit - 1) / kUnit * kUnit;
    CHECK(std::ranges::count(all.first(size), kOld) == static_cast<std::ptrdiff_t>(size));
    CHECK(std::ranges::count(all.subspan(size, padded - size), std::byte{}) ==
          static_cast<std::ptrdiff_t>(padded - size));
    CHECK(std::ranges::count(all.subspan(padded), kOld) == static_cast<std::ptrdiff_t>(all.size() - padded));
  }
}
