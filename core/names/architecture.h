// SPDX-License-Identifier: Apache-2.0
// What a checkpoint is of, guessed from its tensors' names and shapes: which network, and which part of it. A guess is
// for finding and listing; nothing that is computed depends on it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "io/table/judgement.h"
#include "io/table/metadata.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

struct ArchitectureGuess {
  std::string architecture;  ///< "sd1", "sdxl", "flux-dev", "llama", ...; empty = not known
  std::string
      kind;  ///< "checkpoint", "diffusion model", "vae", "adapter (LoRA)", "vae, quantized (GPTQ)"; empty = unknown
  friend bool operator==(const ArchitectureGuess&, const ArchitectureGuess&) = default;
};

/// `judgement` is that of the same tensors (Checkpoint::judgement).
ArchitectureGuess guess_architecture(const TensorTable& tensors, const Metadata& metadata, const Judgement& judgement);

/// "flux" of "flux-dev", "sd1" of "sd1-inpainting": what has the same modules.
std::string_view network_of(std::string_view architecture);

/// A name, with numbers standing for any number, and what is expected of one dimension, or of how many there are.
struct ArchitectureSign {
  const char* name = nullptr;  ///< behind the prefixes of architecture.cpp; null = no further sign
  int dimension = -1;          ///< -1: any shape
  uint64_t size = 0;           ///< of that dimension; of kRank, the number of dimensions
  static constexpr int kRank = -2;
};

/// The first rule all of whose signs are found is the guess.
struct ArchitectureRule {
  const char* architecture;
  const char* kind;
  ArchitectureSign signs[3];
  uint32_t blocks = 0;  ///< a U-Net's input blocks, or down blocks in diffusers' naming; 0: any number
};
std::span<const ArchitectureRule> architecture_rules();

}  // namespace ckmerge
