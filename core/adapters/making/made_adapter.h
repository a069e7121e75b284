// SPDX-License-Identifier: Apache-2.0
// An adapter that is made, not read: a checkpoint of factors in memory, which come into being when somebody reads
// them, a module at a time. So whatever writes checkpoints writes it, within the budget and whole or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/algebra/low_rank.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// How the modules of adapters and their factors are called.
enum class AdapterSpelling : uint8_t {
  kohya,      ///< lora_unet_x_y.lora_down.weight, .lora_up.weight, .alpha
  diffusers,  ///< unet.x.y.lora_A.weight, .lora_B.weight
  peft,       ///< base_model.model.x.y.lora_A.weight, .lora_B.weight, with an adapter_config.json
};
inline constexpr const char* kAdapterSpellings[] = {"kohya", "diffusers", "peft"};

/// Two factors whose product is what is wanted of a module, and how much of it they have.
struct FactorPair {
  std::vector<float> up, down;        ///< out x rank and rank x in
  std::optional<double> energy = {};  ///< sum of squares of what they are to be; none: they have all of it
  double kept = 1;                    ///< share of it
};

/// The `rank` largest values of an SVD as factors of equal size: each has the values' square roots.
FactorPair balanced_factors(const Svd& svd, uint64_t rank);

/// A module to be made. Shapes have the rank where files have it: (out, rank), (out, rank, 1, 1); (rank, in, 3, 3).
struct MadeModule {
  std::string name;  ///< as the file is to have it, without the factor's name
  std::vector<uint64_t> up_shape, down_shape;
  /// Called from any thread, of several modules at once, and again where a factor is read a second time.
  std::function<FactorPair()> make;
  uint64_t memory = 0;  ///< bytes that making it takes
  /// How many matrices have a product each in the factors, and the parameter that they are: of PEFT's
  /// target_parameters.
  uint64_t experts = 1;
  std::string parameter = {};

  uint64_t rank() const { return down_shape.front() / experts; }  ///< of each
};

/// What is known of a module once it has been made.
struct ModuleEnergy {
  std::optional<double> energy = {};  ///< none: all of it is kept
  double kept = 1;
};

class MadeAdapter {
 public:
  /// At most `threads` modules are made at a time.
  MadeAdapter(std::vector<MadeModule> modules, AdapterSpelling spelling, unsigned threads);
  ~MadeAdapter();
  MadeAdapter(const MadeAdapter&) = delete;
  MadeAdapter& operator=(const MadeAdapter&) = delete;

  /// Its tensors, F32, which must not be read when this is gone. Throws as open_tensors() does.
  Checkpoint checkpoint() const;

  std::span<const MadeModule> modules() const { return modules_; }
  /// Per module, of those that were read.
  std::vector<ModuleEnergy> energies() const;

 private:
  struct State;
  int read(size_t tensor, uint64_t offset, std::span<std::byte> out) const;

  std::vector<MadeModule> modules_;
  AdapterSpelling spelling_;
  std::unique_ptr<State> state_;
};

/// Of all modules together: the share of their energies that is kept.
double kept_in_all(std::span<const ModuleEnergy> energies);

/// Bytes that making the largest takes.
uint64_t largest_memory(std::span<const MadeModule> modules);

}  // namespace ckmerge
