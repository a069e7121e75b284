// SPDX-License-Identifier: Apache-2.0
// Checkpoints as they are in the wild, as blueprints: every tensor's name, shape and kind of values, no bytes. Each
// architecture is a few loops over the numbers of its published configuration; parameters_test.cpp holds their totals
// against the published ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/dtype.h"

namespace ckmerge::bench {

/// What a tensor's values look like.
enum class Role : uint8_t {
  weight,     ///< normal around 0; deviation in TensorBlueprint::scale
  gain,       ///< of a normalisation: near 1
  positions,  ///< 0, 1, 2, ...
  betas,      ///< the noise schedule of Stable Diffusion, and what is derived from it:
  alphas_cumprod,
  alphas_cumprod_previous,
  sqrt_alphas_cumprod,
  sqrt_one_minus_alphas_cumprod,
  log_one_minus_alphas_cumprod,
  sqrt_reciprocal_alphas_cumprod,
  sqrt_reciprocal_minus_one_alphas_cumprod,
  posterior_variance,
  posterior_log_variance_clipped,
  posterior_mean_coefficient_1,
  posterior_mean_coefficient_2,
  constant,  ///< TensorBlueprint::scale everywhere
};

struct TensorBlueprint {
  std::string name;
  std::vector<uint64_t> shape;
  Role role = Role::weight;
  float scale = 0;
  std::optional<Dtype> dtype = {};  ///< empty = the dtype that was asked for

  uint64_t count() const;
};

class Blueprint {
 public:
  /// name.weight [out, in], and name.bias [out].
  void linear(const std::string& name, uint64_t out, uint64_t in, bool bias = true);
  /// name.weight [out, in, side, side] and name.bias [out].
  void convolution(const std::string& name, uint64_t out, uint64_t in, uint64_t side);
  /// name.weight [size] and name.bias [size] of a layer or group normalisation.
  void normalisation(const std::string& name, uint64_t size);
  void gain(const std::string& name, uint64_t size);
  void embedding(const std::string& name, uint64_t rows, uint64_t columns);
  void add(TensorBlueprint tensor) { tensors_.push_back(std::move(tensor)); }

  std::span<const TensorBlueprint> tensors() const { return tensors_; }
  uint64_t bytes(Dtype dtype) const;
  /// Drops tensors from the end until at most `bytes` are left; keeps one.
  void truncate(uint64_t bytes, Dtype dtype);
  /// Keeps the tensors that begin in the `number`th of `parts` equal parts of the bytes, counted from 1: a shard.
  void keep_part(uint64_t number, uint64_t parts, Dtype dtype);

 private:
  std::vector<TensorBlueprint> tensors_;
};

/// Sizes of the synthetic architectures; the real ones have their own.
struct SyntheticSize {
  uint64_t bytes = 0;  ///< 0 = the architecture's default
  Dtype dtype = Dtype::BF16;
  uint64_t count = 1'000'000;  ///< `many`: tensors
  uint64_t name_size = 20;     ///< `many`: bytes of each name
};

struct Architecture {
  const char* name;
  const char* summary;
  bool synthetic;  ///< shaped by SyntheticSize; otherwise a size cuts tensors off its end
  Blueprint (*make)(const SyntheticSize& size);
};

std::span<const Architecture> architectures();

/// The architecture called `name`, or null.
const Architecture* find_architecture(std::string_view name);

Blueprint stable_diffusion_15();
Blueprint stable_diffusion_xl();
inline constexpr uint64_t kFluxDoubleBlocks = 19;  ///< of Flux.1, and twice as many single ones
Blueprint flux(uint64_t double_blocks, uint64_t single_blocks);
Blueprint flux_cut(const SyntheticSize& size);
struct LlamaShape {
  uint64_t layers, hidden, intermediate, key_value, vocabulary;
};
inline constexpr LlamaShape kLlama8B{32, 4096, 14336, 1024, 128256};
inline constexpr LlamaShape kLlama70B{80, 8192, 28672, 1024, 128256};
Blueprint llama(const LlamaShape& shape);

Blueprint blocks(const SyntheticSize& size);
Blueprint one(const SyntheticSize& size);
Blueprint many(const SyntheticSize& size);

}  // namespace ckmerge::bench
