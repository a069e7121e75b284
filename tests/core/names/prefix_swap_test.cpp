// SPDX-License-Identifier: Apache-2.0
#include "core/names/prefix_swap.h"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

using namespace ckmerge;

namespace {

TensorTable table(const std::string& prefix, const std::vector<std::string>& names, uint64_t width = 2) {
  TensorTable out;
  for (const std::string& name : names) out.add(prefix + name, Dtype::F32, std::vector{width}, 0, 0, 4 * width, width);
  out.sort_by_name();
  return out;
}

std::optional<PrefixSwap> swap(const TensorTable& from, const TensorTable& to) {
  const auto rows = [](const TensorTable& tensors) {
    std::vector<uint32_t> all(tensors.size());
    std::iota(all.begin(), all.end(), 0u);
    return all;
  };
  const std::vector<uint32_t> theirs = rows(from), own = rows(to);
  return find_prefix_swap({from, theirs}, {to, own});
}

const std::vector<std::string> kNames{"blocks.0.attn.w", "blocks.1.attn.w", "head.w", "in.b", "in.w"};

}  // namespace

TEST_CASE("a prefix is found by common stems, whatever it is called") {
  const auto check = [](const std::string& from, const std::string& to) {
    const auto found = swap(table(from, kNames), table(to, kNames));
    REQUIRE(found.has_value());
    CHECK(found->strip == from);
    CHECK(found->add == to);
    CHECK(found->matches == kNames.size());
    CHECK(found->misfits == 0);
    CHECK(!found->has_rival);
  };
  check("net.", "");
  check("", "pipe.dit.");
  check("pipe.dit.", "model.diffusion_model.");
  check("model.", "");
  CHECK(swap(table("model.model.", kNames), table("model.", kNames))->strip == "model.");  // the longest stem counts
}

TEST_CASE("what fits in two places, fits in shape nowhere or has no stem in common is told") {
  TensorTable two = table("unet.", kNames);
  for (const std::string& name : kNames) two.add("twin." + name, Dtype::F32, std::vector<uint64_t>{2}, 0, 0, 8, 2);
  two.sort_by_name();
  CHECK(swap(table("", kNames), two)->has_rival);
  CHECK(swap(table("net.", kNames, 3), table("", kNames))->misfits == kNames.size());
  CHECK(!swap(table("", {"alpha", "beta"}), table("", {"gamma", "delta"})));
}
