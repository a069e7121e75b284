// SPDX-License-Identifier: Apache-2.0
// Matching of channels ends soon after the stop flag is raised, for those who wait for it, too, and finds the same for
// any number of hands.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "core/matrices/alignment.h"
#include "core/matrices/read_matrix.h"
#include "tests/core/merge_runs.h"
#include "tests/core/stops.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// Two networks that have nothing in common: 600 hidden channels, and 16 heads of 16 channels, 4 of them of keys.
class TwoNetworks {
 public:
  TwoNetworks()
      : checkpoints_(open_all({write_file(folder_ / "a", tensors(1)), write_file(folder_ / "b", tensors(2))})) {}

  // B's, as it comes to its place.
  Matrix aligned(const Alignment& alignment, const std::string& name, const Hands& hands) const {
    const Checkpoint& second = checkpoints_[1];
    Matrix tensor = read_matrix(second, name);
    alignment.apply(static_cast<uint32_t>(checkpoints_[0].tensors.find(name)), tensor, hands);
    return tensor;
  }
  Alignment alignment() const { return {checkpoints_[0], checkpoints_[1], 16}; }

 private:
  static std::vector<FileTensor> tensors(uint64_t seed) {
    const std::string layer = "model.layers.0.";
    return {random(layer + "mlp.gate_proj.weight", Dtype::F32, {600, 8}, seed),
            random(layer + "mlp.up_proj.weight", Dtype::F32, {600, 8}, seed + 10),
            random(layer + "mlp.down_proj.weight", Dtype::F32, {8, 600}, seed + 20),
            random(layer + "self_attn.q_proj.weight", Dtype::F32, {256, 256}, seed + 30),
            random(layer + "self_attn.k_proj.weight", Dtype::F32, {64, 256}, seed + 40),
            random(layer + "self_attn.v_proj.weight", Dtype::F32, {64, 256}, seed + 50),
            random(layer + "self_attn.o_proj.weight", Dtype::F32, {256, 256}, seed + 60)};
  }

  TempFolder folder_;
  std::vector<Checkpoint> checkpoints_;
};

const char* const kHidden = "model.layers.0.mlp.up_proj.weight";
const char* const kHeads = "model.layers.0.self_attn.o_proj.weight";

}  // namespace

TEST_CASE("channels and heads are matched no longer than the stop flag allows") {
  const TwoNetworks networks;
  for (const char* const name : {kHidden, kHeads})
    check_stops([&](const Hands& hands) { networks.aligned(networks.alignment(), name, hands); }, 15);
}

TEST_CASE("who waits for others to match a unit ends with them, and matches nothing then") {
  const TwoNetworks networks;
  const char* const other = "model.layers.0.mlp.down_proj.weight";
  const int all = questions_of([&](const Hands& hands) { networks.aligned(networks.alignment(), kHidden, hands); });
  const Alignment alignment = networks.alignment();
  std::atomic<int> asked = 0;
  const Hands hands{.stop = StopFlag([&] { return ++asked > all / 2; })};
  ErrorCode codes[2] = {};
  {
    const std::jthread first([&] { codes[0] = failure([&] { networks.aligned(alignment, kHidden, hands); }).code; });
    const std::jthread second([&] { codes[1] = failure([&] { networks.aligned(alignment, other, hands); }).code; });
  }
  CHECK(codes[0] == ErrorCode::interrupted);
  CHECK(codes[1] == ErrorCode::interrupted);
  CHECK(asked == all / 2 + 2);
}

TEST_CASE("channels take the same places for any number of hands") {
  const TwoNetworks networks;
  for (const char* const name : {kHidden, kHeads}) {
    const Matrix one = networks.aligned(networks.alignment(), name, {});
    CHECK(networks.aligned(networks.alignment(), name, {.threads = 3}).elements == one.elements);
  }
}
