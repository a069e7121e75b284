// SPDX-License-Identifier: Apache-2.0
// Which tensors the modules of a configuration are of, by names alone: mergekit has tables of architectures for that.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/mergekit/mergekit_config.h"
#include "core/names/layer_runs.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Whether the module is the language model's by its name.
bool names_language_module(std::string_view module);

/// How well a tensor's name, or the prefix of a run, fits a module that is none of the language model's: 0 is not at
/// all. Of several the best one has it, the first of those that fit alike.
int module_fit(std::string_view name, std::string_view module);

/// Throws Error(usage) with the module's place: one that `model` has nothing of, and two that are of the same tensors.
void check_modules(const MergekitConfig& document, const Checkpoint& model, std::span<const LayerRun> runs,
                   const std::string& where);

}  // namespace ckmerge
