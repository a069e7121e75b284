// SPDX-License-Identifier: Apache-2.0
// Where the components of a pipeline stand in a checkpoint: which prefix is which component's, in one file and in a
// folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/families/told_component.h"
#include "core/inputs/pipeline_layout.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Which component of a pipeline something is.
struct PipelineMember {
  ComponentRole role = ComponentRole::transformer;
  uint32_t number = 0;  ///< of several encoders or transformers: 0 the first

  friend bool operator==(const PipelineMember&, const PipelineMember&) = default;
};

struct PlacedComponent {
  std::string prefix;  ///< with its dot; empty: bare
  PipelineMember member;
  std::optional<ToldComponent> told;  ///< empty: its names tell no family, its prefix what it is
};

struct PlacedComponents {
  std::vector<PlacedComponent> components;
  const Layout* layout = nullptr;  ///< of the pipeline, where its model tells
};

/// What `checkpoint` holds. No prefix is the beginning of another's but the empty one.
PlacedComponents placed_components(const Checkpoint& checkpoint);

/// The sub-folder of `folder`, a pipeline's, with what `file` is alone: of its family, or else of its role. Empty where
/// there is none, several are, or `folder` is none.
std::string counterpart_in(const Checkpoint& folder, const Checkpoint& file);

/// The sub-folder of `folder`, a pipeline's, that `file`, one component alone, is meant for, where that is known
/// without its widths: it lies in one of that name, or is a VAE and `folder` has but one that fits. Empty where the
/// family is another.
std::string meant_component(const Checkpoint& folder, const Checkpoint& file);

/// The sub-folder of a component: "transformer", "unet", "vae", "text_encoder_2".
std::string folder_of(PipelineMember member);

/// The component whose sub-folder this is.
std::optional<PipelineMember> member_of_folder(std::string_view folder);

/// The encoder's place in a checkpoint of `layout`, or null.
const EncoderPlace* place_of_encoder(const Layout& layout, uint32_t number);

}  // namespace ckmerge
