// SPDX-License-Identifier: Apache-2.0
// Networks of a few channels with the names of real ones, and the same with channels in other places.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/core/checkpoint_files.h"

namespace ckmerge::test {

struct SmallTensor {
  std::vector<uint64_t> shape;
  std::vector<float> values;
};
using SmallNetwork = std::map<std::string, SmallTensor>;

/// Of random values, a module of each kind that can be permuted, and what lies between them.
SmallNetwork text_encoders(uint64_t seed);
SmallNetwork stable_diffusion(uint64_t text_channels, uint64_t inner_channels, uint64_t seed);
/// Heads of 4 channels: 8 of queries, 2 of keys; with biases, and an MLP of 24 hidden channels.
SmallNetwork llama(uint64_t seed);

/// The same functions, with hidden channels and heads in random other places.
SmallNetwork permuted_text_encoders(SmallNetwork network, uint64_t seed);
SmallNetwork permuted_stable_diffusion(SmallNetwork network, uint64_t heads, uint64_t seed);
SmallNetwork permuted_llama(SmallNetwork network, uint64_t seed);

std::vector<FileTensor> tensors_of(const SmallNetwork& network, Dtype dtype = Dtype::F32);

}  // namespace ckmerge::test
