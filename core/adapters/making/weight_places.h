// SPDX-License-Identifier: Apache-2.0
// Which tensors of a checkpoint an adapter can have modules for, and what each spelling calls these modules.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/adapters/making/made_adapter.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Two checkpoints whose tensors have the same names.
struct NamedPair {
  Checkpoint tuned, base;
};

/// A tensor of both that a module can be made for.
struct WeightPlace {
  uint32_t pair = 0;             ///< index into WeightPlaces::pairs
  uint32_t tuned = 0, base = 0;  ///< rows of their tables
  std::string module;            ///< as the adapter's file calls it
  bool is_convolution = false;   ///< of more than one point: 3 x 3
  bool is_transposed = false;    ///< its rows are the module's inputs: GPT-2's Conv1D
};

/// A tensor of one or both that no module is made for.
struct Unplaced {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t tuned = kNone, base = kNone;  ///< rows; kNone: the other has it alone
  const char* why = "";                  ///< "no weight of a module": a norm, a bias, a table
};

struct WeightPlaces {
  std::vector<NamedPair> pairs;     ///< the same two files, in the namings that components are wanted in
  std::vector<WeightPlace> places;  ///< by module
  std::vector<Unplaced> others;     ///< tensors of pairs[0] that no module is made for
  std::string architecture;         ///< as guessed; may be empty
};

/// Kohya's scripts have a name for each component: lora_unet_, lora_te_ (lora_te1_, lora_te2_ where there are several);
/// of SD 1 and SD 2 the modules are called as in diffusers, of all others as the publisher does. Throws
/// Error(mismatch) where nothing tells components and the spelling needs them, where the two are known to be of
/// different networks, or have no weights in common.
WeightPlaces weight_places(const Checkpoint& tuned, const Checkpoint& base, AdapterSpelling spelling);

/// Whether a tensor of this name is a table of rows for tokens or places, which adapters of these spellings leave.
bool is_embedding_table(std::string_view name);

}  // namespace ckmerge
