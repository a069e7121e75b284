// SPDX-License-Identifier: Apache-2.0
#include "core/orders/draw_states.h"

#include <algorithm>
#include <array>

namespace ckmerge {
namespace {

constexpr uint64_t kMostKept = 8192;  // states of 2.5 KB
// No more often than this: what is passed over costs a third of what is drawn.
constexpr uint64_t kLeastStep = 512 * MersenneTwister::kWords;
constexpr size_t kMostLeft = 64;
constexpr size_t kDrawnAtATime = 2 * MersenneTwister::kWords;

uint64_t step_for(uint64_t count) { return std::max(kLeastStep, (count + kMostKept - 1) / kMostKept); }

}  // namespace

DrawStates::DrawStates(uint64_t seed, uint64_t count) : count_(count), step_(step_for(count)) {
  kept_.emplace_back(static_cast<uint32_t>(seed));
}

uint64_t DrawStates::memory() const {
  return (count_ / step_ + 1) * sizeof(MersenneTwister) + kMostLeft * sizeof(Left);
}

MersenneTwister DrawStates::generator_at(uint64_t place) {
  std::unique_lock lock(mutex_);
  while (kept_.size() <= place / step_) {
    kept_.push_back(kept_.back());
    kept_.back().skip(step_);
  }
  uint64_t nearest = place / step_ * step_;
  const MersenneTwister* from = &kept_[place / step_];
  for (const Left& left : left_)
    if (left.place <= place && left.place >= nearest) {
      nearest = left.place;
      from = &left.generator;
    }
  MersenneTwister generator = *from;
  lock.unlock();
  generator.skip(place - nearest);
  return generator;
}

void DrawStates::leave(uint64_t place, const MersenneTwister& generator) {
  const std::lock_guard lock(mutex_);
  if (left_.size() < kMostLeft) return left_.push_back({place, generator});
  left_[oldest_] = {place, generator};
  oldest_ = (oldest_ + 1) % kMostLeft;
}

void DrawStates::draw(uint64_t first, std::span<float> out) {
  MersenneTwister generator = generator_at(first);
  const uint64_t end = first + out.size();
  std::array<uint32_t, kDrawnAtATime> words;
  while (!out.empty()) {
    const std::span<uint32_t> here = std::span(words).first(std::min(words.size(), out.size()));
    generator.fill(here);
    for (size_t i = 0; i < here.size(); ++i)
      out[i] = static_cast<float>(static_cast<int32_t>(here[i] & 0xffffff)) * 0x1p-24F;
    out = out.subspan(here.size());
  }
  leave(end, generator);
}

}  // namespace ckmerge
