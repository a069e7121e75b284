// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/storable_factors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

StoreCounts counts_of(std::span<const float> elements, Dtype dtype) {
  constexpr size_t kWidest = 8;
  const auto store = (*available_kernels().begin())->store32[static_cast<size_t>(dtype)];
  std::array<std::byte, kBlockElements * kWidest> stored;
  StoreCounts counts;
  for (size_t at = 0; at < elements.size(); at += kBlockElements)
    store(elements.data() + at, stored.data(), std::min<size_t>(kBlockElements, elements.size() - at), &counts);
  return counts;
}

[[noreturn]] void refuse(const std::string& module, const std::string& what) {
  throw Error(ErrorCode::mismatch, module, sentence("module '", module, "': ", what));
}

const char* wider_than(Dtype dtype) { return dtype == Dtype::BF16 ? "f32" : "bf16 or f32"; }

void expect_storable(const std::string& module, const FactorPair& factors, Dtype dtype) {
  for (const std::span<const float> elements : {std::span(factors.up), std::span(factors.down)}) {
    if (!std::ranges::all_of(elements, [](float element) { return std::isfinite(element); }))
      refuse(module, "its factors would be too large for f32; give strengths that are nearer to 0");
    const StoreCounts counts = counts_of(elements, dtype);
    if (counts.overflowed > 0)
      refuse(module, sentence(counted(counts.overflowed, "element"), " of its factors would be too large for ",
                              info(dtype).name, "; store them in a dtype with more range (--save-dtype ",
                              wider_than(dtype), ")"));
    const auto zeros = static_cast<uint64_t>(std::ranges::count(elements, 0.0F));
    if (counts.vanished > 0 && counts.vanished + zeros == elements.size())
      refuse(module, sentence("one of its factors would be zeros alone, since its elements are too small for ",
                              info(dtype).name, "; store them in a dtype with more range (--save-dtype ",
                              wider_than(dtype), ")"));
  }
}

}  // namespace

MadeModule checked_for(MadeModule module, Dtype dtype) {
  module.make = [name = module.name, make = std::move(module.make), dtype] {
    FactorPair factors = make();
    expect_storable(name, factors, dtype);
    return factors;
  };
  return module;
}

}  // namespace ckmerge
