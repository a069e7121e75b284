// SPDX-License-Identifier: Apache-2.0
// An output that is a folder of diffusers: which file each tensor goes into, and the configs that the names tell.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// A component of the folder.
struct PipelineFile {
  std::string component;              ///< its sub-folder: "transformer"
  std::string weights;                ///< its file below the folder: "transformer/diffusion_pytorch_model.safetensors"
  std::optional<std::string> config;  ///< the text of its config.json, where names and shapes tell all of it
  std::string config_from = {};       ///< or the folder that it is taken from
  std::optional<Dtype> dtype = {};    ///< of all its floats, where it is one
  bool is_plain = true;               ///< no tensor holds codes: all are floats of 16 bits and more, or integers
};

/// Lays the plan of a recipe whose layout is diffusers out in one file for each component, which are the plan's files,
/// in their order. Throws Error(mismatch) where it is not known which component the tensors are.
std::vector<PipelineFile> split_into_components(Plan& plan, std::span<const Checkpoint> checkpoints);

/// Throws Error(usage) for a plan of one file that would hold several components in diffusers' layout, which no program
/// reads. Of a single one the file has the bare names.
void expect_one_component(Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& output);

}  // namespace ckmerge
