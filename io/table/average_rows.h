// SPDX-License-Identifier: Apache-2.0
// Where trainers keep the average of a model's weights, and where the weights that were trained: one row each, since
// the names say little. What `--ema` looks for is this table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/dtype.h"

namespace ckmerge {

/// What becomes of the averages of weights that training kept beside them.
enum class EmaPolicy : uint8_t {
  keep,  ///< they are tensors like others; of two dicts, the one that programs load is taken
  use,   ///< each takes the place of the weight that it is the average of
  drop,  ///< they are left out
};

/// Two dicts of one pickle.
struct AverageDicts {
  std::string_view trainer;           ///< "Lightning's weight averaging"
  std::string_view weights, average;  ///< from the top, with dots; `*` is any one name
  std::string_view proof = {};        ///< what the top has beside them; empty: nothing that is sure
  bool stale_buffers = false;         ///< the average has the buffers of the day when averaging began
};
std::span<const AverageDicts> average_dicts();

/// Two prefixes in one dict, beside counters that belong to neither.
struct AverageNames {
  std::string_view trainer, weights, average;
};
inline constexpr AverageNames kEmaPytorch{"ema-pytorch", "online_model.", "ema_model."};
inline constexpr AverageNames kAveragedModel{"torch's AveragedModel", "", "module."};
inline constexpr AverageNames kLitEma{"ldm's LitEma", "model.", "model_ema."};

/// Whether a name is that of a counter that an averaging wrapper keeps beside its tensors.
bool is_average_counter(std::string_view name);

/// Whether a tensor is a running statistic or a table, of which an average over steps means nothing or is out of date.
bool is_buffer(std::string_view name, std::optional<Dtype> dtype);

/// Whether one of the words in `key` says that it is an average: model_ema, params_ema, shadow_params, model_avg.
bool says_average(std::string_view key);

/// What was looked for, a line for each row.
std::vector<std::string> averages_looked_for();

}  // namespace ckmerge
