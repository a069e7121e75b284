// SPDX-License-Identifier: Apache-2.0
#include "core/names/training_state.h"

#include <algorithm>

#include "io/table/average_rows.h"

namespace ckmerge {
namespace {

// PyTorch Lightning's top level, ldm's losses (LPIPS and discriminator of an autoencoder's training).
constexpr std::string_view kBeginnings[] = {
    "optimizer.", "optimizers.", "optimizer_states.",       "lr_scheduler.",      "lr_schedulers.", "callbacks.",
    "loops.",     "loss.",       "first_stage_model.loss.", "amp_scaling_state.", "grad_scaler.",
};
constexpr std::string_view kNames[] = {
    "epoch", "global_step", "iteration", "model_ema.decay", "model_ema.num_updates",
};
// Of Adam and SGD, beside the weight that they belong to.
constexpr std::string_view kEnds[] = {".exp_avg", ".exp_avg_sq", ".max_exp_avg_sq", ".momentum_buffer"};

}  // namespace

bool is_training_state(std::string_view name) {
  return std::ranges::find(kNames, name) != std::end(kNames) ||
         std::ranges::any_of(kBeginnings, [&](std::string_view beginning) { return name.starts_with(beginning); }) ||
         std::ranges::any_of(kEnds, [&](std::string_view end) { return name.ends_with(end); });
}

bool is_ema(std::string_view name) { return name.starts_with(kLitEma.average); }

std::string ema_name(std::string_view name) {
  std::string out;
  ema_name(name, out);
  return out;
}

void ema_name(std::string_view name, std::string& room) {
  room.clear();
  if (!name.starts_with(kLitEma.weights)) return;
  room = kLitEma.average;
  for (const char c : name.substr(kLitEma.weights.size()))
    if (c != '.') room += c;
}

}  // namespace ckmerge
