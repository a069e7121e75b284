// SPDX-License-Identifier: Apache-2.0
// What training leaves in a checkpoint and nobody needs to use it: states of optimizers and schedulers, losses,
// counters; and the names of exponential moving averages of weights.
#pragma once

#include <string>
#include <string_view>

namespace ckmerge {

/// Whether `name` is state of training (--prune). Averages of weights are none (see --ema), their counters are.
bool is_training_state(std::string_view name);

/// Whether `name` belongs to an average of weights: model_ema.
bool is_ema(std::string_view name);

/// The name under which ldm's LitEma keeps the average of the weight `name`: model.diffusion_model.out.0.bias has
/// model_ema.diffusion_modelout0bias. Empty for a name that is not below model.
std::string ema_name(std::string_view name);
void ema_name(std::string_view name, std::string& room);  ///< the same, into memory that is there

}  // namespace ckmerge
