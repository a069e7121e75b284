// SPDX-License-Identifier: Apache-2.0
// Tensors whose waves are made stronger or weaker, each by a factor of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core/threads/hands.h"

namespace ckmerge {

/// A wave by how often it goes up and down along each axis: at most half of the axis, but for a wave whose twin has the
/// same factor.
using WaveIndex = std::span<const uint64_t>;

/// How many waves an axis of `length` has from 0 to half of it.
constexpr uint64_t waves_of(uint64_t length) { return length / 2 + 1; }

/// Changes `elements` to what they are when each wave of their Fourier transform over all axes is multiplied by
/// gain(its index). REQUIRES: shape.size() > 0, no dimension 0.
void apply_gains(std::span<double> elements, std::span<const uint64_t> shape,
                 const std::function<double(WaveIndex)>& gain, const Hands& hands);

/// Bytes that it holds beside them, and on so many threads.
uint64_t gains_memory(std::span<const uint64_t> shape);
uint64_t gains_memory_of_threads(std::span<const uint64_t> shape, unsigned threads);

}  // namespace ckmerge
