// SPDX-License-Identifier: Apache-2.0
#include "bench/blueprint.h"

#include <cmath>

namespace ckmerge::bench {
namespace {

// Scales seen in trained checkpoints: weights keep a unit variance through a layer, embeddings are initialised with
// 0.02, biases stay within a few hundredths.
constexpr float kBiasScale = 0.02f, kEmbeddingScale = 0.02f;

float weight_scale(uint64_t fan_in) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(fan_in))); }

uint64_t size_of(const TensorBlueprint& tensor, Dtype dtype) {
  return tensor.count() * element_size(tensor.dtype.value_or(dtype));
}

constexpr Architecture kArchitectures[] = {
    {"sd15", "Stable Diffusion 1.5, whole checkpoint", false,
     [](const SyntheticSize&) { return stable_diffusion_15(); }},
    {"sdxl", "Stable Diffusion XL base, whole checkpoint", false,
     [](const SyntheticSize&) { return stable_diffusion_xl(); }},
    {"flux", "Flux.1 dev, transformer", false,
     [](const SyntheticSize&) { return flux(kFluxDoubleBlocks, 2 * kFluxDoubleBlocks); }},
    {"flux-cut", "Flux.1 dev with as many blocks as --size has room for", true, flux_cut},
    {"llama8b", "Llama 3 8B, one file", false, [](const SyntheticSize&) { return llama(kLlama8B); }},
    {"llama70b", "Llama 3 70B, one file", false, [](const SyntheticSize&) { return llama(kLlama70B); }},
    {"blocks", "transformer blocks that add up to --size", true, blocks},
    {"one", "a single tensor of --size", true, one},
    {"many", "--count tensors of four elements, names of --name-size bytes", true, many},
};

}  // namespace

uint64_t TensorBlueprint::count() const {
  uint64_t count = 1;
  for (uint64_t dimension : shape) count *= dimension;
  return count;
}

void Blueprint::linear(const std::string& name, uint64_t out, uint64_t in, bool bias) {
  add({.name = name + ".weight", .shape = {out, in}, .scale = weight_scale(in)});
  if (bias) add({.name = name + ".bias", .shape = {out}, .scale = kBiasScale});
}

void Blueprint::convolution(const std::string& name, uint64_t out, uint64_t in, uint64_t side) {
  add({.name = name + ".weight", .shape = {out, in, side, side}, .scale = weight_scale(in * side * side)});
  add({.name = name + ".bias", .shape = {out}, .scale = kBiasScale});
}

void Blueprint::normalisation(const std::string& name, uint64_t size) {
  gain(name + ".weight", size);
  add({.name = name + ".bias", .shape = {size}, .scale = kBiasScale});
}

void Blueprint::gain(const std::string& name, uint64_t size) {
  add({.name = name, .shape = {size}, .role = Role::gain, .scale = 0.1f});
}

void Blueprint::embedding(const std::string& name, uint64_t rows, uint64_t columns) {
  add({.name = name, .shape = {rows, columns}, .scale = kEmbeddingScale});
}

uint64_t Blueprint::bytes(Dtype dtype) const {
  uint64_t sum = 0;
  for (const TensorBlueprint& tensor : tensors_) sum += size_of(tensor, dtype);
  return sum;
}

void Blueprint::truncate(uint64_t bytes, Dtype dtype) {
  uint64_t kept = this->bytes(dtype);
  while (tensors_.size() > 1 && kept > bytes) {
    kept -= size_of(tensors_.back(), dtype);
    tensors_.pop_back();
  }
}

void Blueprint::keep_part(uint64_t number, uint64_t parts, Dtype dtype) {
  const uint64_t part = bytes(dtype) / parts + 1;
  uint64_t at = 0;
  std::erase_if(tensors_, [&](const TensorBlueprint& tensor) {
    const bool other = at / part + 1 != number;
    at += size_of(tensor, dtype);
    return other;
  });
}

std::span<const Architecture> architectures() { return kArchitectures; }

const Architecture* find_architecture(std::string_view name) {
  for (const Architecture& architecture : kArchitectures)
    if (name == architecture.name) return &architecture;
  return nullptr;
}

}  // namespace ckmerge::bench
