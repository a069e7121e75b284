// SPDX-License-Identifier: Apache-2.0
// How long it takes to tell which models a file of 10^5 tensors holds (core/families/told_component.h): a diffusion
// model of very many blocks, a language model of very many experts, and a file of two namings whose every second name
// lies behind a prefix of its own, which is the most to look at.
//   ckmerge-bench-families --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true
//                          --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include "core/families/told_component.h"
#include "io/text/sentence.h"

namespace {

using namespace ckmerge;

constexpr int kNames = 100000;

TensorTable sorted(const auto& name_of) {
  constexpr uint64_t kSide = 1;
  TensorTable tensors;
  for (int number = 0; number < kNames; ++number)
    tensors.add(name_of(number), Dtype::BF16, Shape(&kSide, 1), 0, 2 * static_cast<uint64_t>(number), 2, 1);
  tensors.sort_by_name();
  return tensors;
}

TensorTable blocks() {
  static const char* const kModules[] = {"img_attn.qkv.weight", "img_attn.qkv.bias", "img_mlp.0.weight",
                                         "txt_mlp.2.bias"};
  return sorted([](int number) { return sentence("double_blocks.", number / 4, ".", kModules[number % 4]); });
}

TensorTable experts() {
  static const char* const kModules[] = {"gate_proj.weight", "up_proj.weight", "down_proj.weight"};
  return sorted([](int number) {
    return sentence("model.layers.", number / 384, ".mlp.experts.", number / 3 % 128, ".", kModules[number % 3]);
  });
}

TensorTable prefixes() {
  return sorted([](int number) {
    return number % 2 != 0 ? sentence("p", number, ".double_blocks.0.img_attn.qkv.weight")
                           : sentence("transformer_blocks.", number, ".attn.to_q.weight");
  });
}

void telling(benchmark::State& state, TensorTable (*make)()) {
  const TensorTable tensors = make();
  for (auto _ : state) benchmark::DoNotOptimize(told_components(tensors));
}

BENCHMARK_CAPTURE(telling, blocks, blocks)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(telling, experts, experts)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(telling, prefixes, prefixes)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
