// SPDX-License-Identifier: Apache-2.0
// Names of modules from one adapter to another, without a model beside them: which are the same, and what they are in
// another spelling.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/adapters/making/made_adapter.h"
#include "core/names/adapter_network.h"

namespace ckmerge {

/// The component that a module is of (unet, te1, te2, te3; model where nothing tells it), and what stands behind it.
struct ModuleName {
  std::string_view component, path;
};
ModuleName parsed_module_name(std::string_view name);

/// What the names of a module have in common in all spellings: the component and its path with underscores.
std::string folded_module_name(std::string_view name);

/// The component of a module: "unet" of all networks that make pictures, "te1", "te2", "te3"; "model" where its name
/// does not tell.
std::string_view component_of_module(std::string_view name);

/// Whose names the module has, of a network that makes pictures.
ModuleNaming naming_of_module(std::string_view name);

/// Whether a module is a text encoder's.
bool is_of_encoder(std::string_view name);

/// `name` in another spelling. Empty where that cannot be said without the model: kohya's underscores do not tell which
/// of them were dots. `sole_encoder`: of SD 1 and SD 2, whose text encoder kohya's scripts give no number.
std::optional<std::string> respelled(std::string_view name, AdapterSpelling from, AdapterSpelling to,
                                     bool sole_encoder = false);

}  // namespace ckmerge
