// SPDX-License-Identifier: Apache-2.0
// The layout that somebody asks for (Recipe::layout, --layout): in which naming each component of a checkpoint is, and
// which prefix it has. All of it is a change of tables (core/layouts/rewriting.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/families/told_component.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

enum class AskedLayout : uint8_t {
  comfy,      ///< ComfyUI's names and prefixes
  diffusers,  ///< as folders of diffusers have them, a component's name in front where there are several
  original,   ///< the publisher's names; prefixes as ComfyUI's
};

/// "comfy", "diffusers", "original".
std::vector<std::string> asked_layout_names();

/// The layout called `name`. Throws Error(usage) that lists them.
AskedLayout parse_asked_layout(std::string_view name);

/// Which naming `layout` has for a component of `family`; of text encoders that of Hugging Face unless `open_clip`.
Naming naming_in(AskedLayout layout, const ModelFamily& family, bool open_clip = false);

/// Gives one component of `checkpoint` the naming `wanted` and the prefix `to_prefix`, and notes it. Names behind
/// `others`, prefixes of other components beside a bare one, stay. Throws Error(mismatch) where there is no way, or as
/// rewrite() does.
void bring_component(Checkpoint& checkpoint, const ToldComponent& component, Naming wanted,
                     const std::string& to_prefix, std::span<const std::string> others = {});

/// Brings `checkpoints` to the layout of a recipe that asks for one: A must hold components that are known, others may.
/// A VAE to bake in gets the naming alone. Where none is asked for, pipelines get the names of A's kind: those of a
/// folder beside a folder, those of one file beside a whole file; beside a single component they keep theirs. A recipe
/// that puts files together is none of them. Returns warnings. Throws Error(usage | mismatch).
std::vector<std::string> bring_to_layout(const Recipe& recipe, std::vector<Checkpoint>& checkpoints);

}  // namespace ckmerge
