// SPDX-License-Identifier: Apache-2.0
// Names of modules from one adapter to another, without a model beside them: which are the same, in which block they
// lie, and what they are in another spelling.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/adapters/making/made_adapter.h"
#include "core/names/adapter_network.h"

namespace ckmerge {

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

/// The block that a module lies in, as lists of strengths call it: IN01, M00, OUT11, D00, S00; BASE for text encoders
/// and all that lies in none.
std::string module_block(std::string_view name);

/// The blocks of a list of so many strengths for a model of `flux` or Stable Diffusion, in its order; empty: there is
/// no list of that many. 12 (SDXL), 17 (SD 1), 20 (SDXL), 26 (SD 1) and 61 (Flux).
std::vector<std::string> blocks_of_list(size_t count);

/// The strength that `list` has for a module; 1 for blocks that are not in it.
double strength_in_list(std::span<const double> list, std::string_view module);

}  // namespace ckmerge
