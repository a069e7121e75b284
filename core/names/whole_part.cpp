// SPDX-License-Identifier: Apache-2.0
#include "core/names/whole_part.h"

#include "core/names/architecture.h"

namespace ckmerge {

std::optional<Part> whole_part(const Checkpoint& checkpoint) {
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (part_of(checkpoint.tensors[i].name)) return std::nullopt;
  const std::string kind = guess_architecture(checkpoint.tensors, checkpoint.metadata, checkpoint.judgement).kind;
  if (kind.starts_with("diffusion model")) return Part::unet;
  if (kind.starts_with("vae")) return Part::vae;
  if (kind.starts_with("text encoder")) return Part::te;
  return std::nullopt;
}

}  // namespace ckmerge
