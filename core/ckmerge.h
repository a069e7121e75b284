// SPDX-License-Identifier: Apache-2.0
// The public API. Three calls merge checkpoints:
//
//   std::vector<ckmerge::Checkpoint> checkpoints;
//   checkpoints.push_back(ckmerge::open_checkpoint("A.safetensors"));   // headers only
//   checkpoints.push_back(ckmerge::open_checkpoint("B.safetensors"));
//   ckmerge::Plan plan = ckmerge::make_plan({.method = "weighted_sum", .parameters = {{"alpha", {0.3}}}}, checkpoints);
//   ckmerge::run(plan, checkpoints, "out.safetensors");
//
// A recipe with a method of whole tensors wants add_whole_tensors(recipe, checkpoints) before make_plan(), one with
// DELLA, mergekit's masks or its order of equal magnitudes add_orders(recipe, checkpoints). Tensors in memory are
// opened by open_tensors() (io/memory/memory_tensors.h). Failures are ckmerge::Error. The library prints nothing, reads
// no environment and installs no signal handler, save install_sigbus_guard() when it is called
// (io/file/input_windows.h).
#pragma once

#include "core/engine/run.h"
#include "core/inputs/input_names.h"
#include "core/matrices/made_matrices.h"
#include "core/orders/made_orders.h"
#include "core/plan/plan.h"
#include "core/recipe/recipe.h"
#include "io/checkpoint.h"
#include "io/file/input_windows.h"
#include "io/text/error.h"
#include "kernels/method.h"
