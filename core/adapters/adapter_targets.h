// SPDX-License-Identifier: Apache-2.0
// Which tensors of a checkpoint the modules of an adapter belong to, in whatever naming either of them is: kohya's
// underscores, PEFT's and diffusers' dotted paths, original, ComfyUI's and diffusers' layouts, q, k and v apart or
// fused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/adapters/adapter_kind.h"

namespace ckmerge {

/// Rows of a tensor that rows of a module's weight belong to. A row is as many elements of the tensor, in order, as the
/// module's weight has columns; where the tensor has more channels than that (inpainting's), a row of the tensor.
struct ModulePlace {
  uint32_t module = 0;      ///< index into Adapter::modules
  uint64_t first_row = 0;   ///< of the tensor
  uint64_t module_row = 0;  ///< of the module's weight
  uint64_t row_count = 0;
};

/// A tensor of the checkpoint that the adapter changes, and by which modules: places do not overlap, but those of
/// several modules that all belong to the whole (tied).
struct AdaptedTensor {
  uint32_t tensor = 0;  ///< index into the checkpoint's table
  std::vector<ModulePlace> places;
  std::vector<ModuleWeight> weights;  ///< per place: the module's weight
};

struct ReplacedTensor {
  uint32_t tensor = 0;       ///< index into the checkpoint's table
  uint32_t replacement = 0;  ///< index into Adapter::replacements
};

/// What is done where two modules, or a head that is one with the embeddings, belong to one matrix.
enum class TiedModules : uint8_t {
  refuse,
  sum,  ///< it gets both changes, as PEFT does
};

struct AdapterTargets {
  std::vector<AdaptedTensor> adapted;  ///< in the order of the table
  std::vector<ReplacedTensor> replaced;
  std::vector<uint32_t> unmatched;    ///< indices into Adapter::modules
  std::vector<std::string> nearest;   ///< per unmatched module: the nearest name of the checkpoint, or empty
  std::vector<uint32_t> unplaced;     ///< indices into Adapter::replacements: nothing is called so
  std::vector<uint32_t> repeated;     ///< the same: of a head that is one with embeddings, which get the same rows
  std::vector<std::string> warnings;  ///< one sentence each
};

/// Throws Error(mismatch), a detail line per module, where factors do not fit the tensors that they belong to, and
/// where two modules belong to the same rows (a LoRA of both of two tied names). Reads tensors of the adapter that are
/// saved for both of two tied names, and what it saved of its base beside that of the checkpoint.
AdapterTargets adapter_targets(const Adapter& adapter, const Checkpoint& checkpoint,
                               TiedModules tied = TiedModules::refuse);

}  // namespace ckmerge
