// SPDX-License-Identifier: Apache-2.0
#include "core/engine/made_step.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <vector>

using namespace ckmerge;

namespace {

Step step_of(uint16_t program) {
  Step step;
  step.program = program;
  step.dtype = Dtype::I64;
  return step;
}

}  // namespace

TEST_CASE("positions are the same bytes, wherever tiles cut them") {
  std::vector<Checkpoint> checkpoints(1);
  const std::vector<uint64_t> shape{2, 300};
  checkpoints[0].tensors.add("position_ids", Dtype::F16, shape, 0, 0, 1200, 600);
  const Step step = step_of(Step::kCount);
  std::vector<int64_t> expected(600);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<int64_t>(i % 300);
  for (const uint64_t tile : {uint64_t{1}, uint64_t{7}, uint64_t{8}, uint64_t{4096}, uint64_t{4800}}) {
    std::vector<std::byte> bytes(4800);
    for (uint64_t at = 0; at < bytes.size(); at += tile) {
      const ByteRange part{at, std::min<uint64_t>(at + tile, bytes.size())};
      CHECK(fill_made_step(step, checkpoints, part, bytes.data() + at));
    }
    CHECK(std::memcmp(bytes.data(), expected.data(), bytes.size()) == 0);
  }
  std::byte untouched{1};
  CHECK(!fill_made_step(step_of(Step::kCopy), checkpoints, {0, 1}, &untouched));
  CHECK(untouched == std::byte{1});
  CHECK(fill_made_step(step_of(Step::kZero), checkpoints, {0, 1}, &untouched));
  CHECK(untouched == std::byte{0});
}
