// SPDX-License-Identifier: Apache-2.0
#include "io/table/average_rows.h"

#include <algorithm>
#include <iterator>

#include "io/text/sentence.h"
#include "io/text/words.h"

namespace ckmerge {
namespace {

// Those that are sure come first. In Lightning's and MMEngine's files state_dict is the average: it is swapped in
// before the file is written.
constexpr AverageDicts kDicts[] = {
    {"Lightning's weight averaging", "current_model_state", "state_dict"},
    {"MMEngine's EMAHook", "ema_state_dict", "state_dict", "message_hub"},
    {"Lightning's stochastic weight averaging", "state_dict", "callbacks.*.average_model_state", "", true},
    {"timm", "state_dict", "state_dict_ema"},
    {"StyleGAN 2", "g", "g_ema"},
    {"BasicSR", "params", "params_ema"},
    {"a trainer", "state_dict", "ema_state_dict"},
    {"a trainer", "state_dict", "model_ema"},
    {"a trainer", "state_dict", "ema"},
    {"a trainer", "model_state_dict", "ema_state_dict"},
    {"a trainer", "model_state_dict", "model_ema_state_dict"},
    {"a trainer", "model_state_dict", "ema_model_state_dict"},
    {"a trainer", "model_state_dict", "ema"},
    {"a trainer", "model", "model_ema"},
    {"a trainer", "model", "ema"},
    {"a trainer", "model", "ema_model"},
    {"a trainer", "model", "model_avg"},
    {"a trainer", "model", "ema_state_dict"},
    {"a trainer", "module", "ema"},
    {"a trainer", "net", "net_ema"},
    {"a trainer", "net", "ema"},
    {"a trainer", "unet", "ema"},
    {"a trainer", "generator", "generator_ema"},
    {"a trainer", "G", "G_ema"},
};

constexpr std::string_view kCounters[] = {"n_averaged", "steps", "step",        "initted",
                                          "updates",    "decay", "num_updates", "optimization_step"};
constexpr std::string_view kBuffers[] = {"running_mean", "running_var", "num_batches_tracked"};
constexpr std::string_view kWords[] = {"ema", "avg",      "average", "averaged", "averages",
                                       "swa", "smoothed", "shadow",  "polyak"};

}  // namespace

std::span<const AverageDicts> average_dicts() { return kDicts; }

bool is_average_counter(std::string_view name) { return std::ranges::find(kCounters, name) != std::end(kCounters); }

bool is_buffer(std::string_view name, std::optional<Dtype> dtype) {
  if (dtype && info(*dtype).kind == DtypeKind::integer) return true;
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return std::ranges::find(kBuffers, last) != std::end(kBuffers);
}

bool says_average(std::string_view key) { return has_word(key, kWords); }

std::vector<std::string> averages_looked_for() {
  std::vector<std::string> lines;
  for (const AverageNames& row : {kLitEma, kEmaPytorch, kAveragedModel})
    lines.push_back(sentence("tensors called ", row.average, "*, ", row.trainer));
  for (const AverageDicts& row : kDicts)
    lines.push_back(sentence("the dict ", row.average, " beside ", row.weights, row.trainer == "a trainer" ? "" : ", ",
                             row.trainer == "a trainer" ? std::string_view() : row.trainer));
  return lines;
}

}  // namespace ckmerge
