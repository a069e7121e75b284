// SPDX-License-Identifier: Apache-2.0
// An output that is a folder of diffusers: which file each tensor goes into, and the configs that the names tell.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/folders/folder_file.h"
#include "core/plan/plan.h"

namespace ckmerge {

/// Lays the plan of a recipe whose layout is diffusers out in one file for each component, which are the plan's files,
/// in their order. Throws Error(mismatch) where it is not known which component the tensors are.
std::vector<FolderFile> split_into_components(Plan& plan, std::span<const Checkpoint> checkpoints);

/// Throws Error(usage) for a plan of one file that would hold several components in diffusers' layout, which no program
/// reads. Of a single one the file has the bare names.
void expect_one_component(Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& output);

}  // namespace ckmerge
