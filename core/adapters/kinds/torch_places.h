// SPDX-License-Identifier: Apache-2.0
// Elements that PEFT chooses by torch's generator, of which a file says the seed alone.
#pragma once

#include <cstdint>
#include <vector>

namespace ckmerge {

/// The first `wanted` of torch.randperm(count) on the CPU, its generator seeded with `seed`. REQUIRES: wanted <= count.
std::vector<uint64_t> torch_places(uint64_t seed, uint64_t count, uint64_t wanted);

}  // namespace ckmerge
