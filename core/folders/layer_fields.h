// SPDX-License-Identifier: Apache-2.0
// What a config.json of transformers says of layers one by one: how many there are, lists with an entry for each, lists
// of their numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/folders/model_changes.h"
#include "io/text/json_value.h"

namespace ckmerge {

/// Brings what `config` says of the layers of `run` to those of the result. A sentence for each thing that could not be
/// brought to them.
std::vector<std::string> follow_layers(JsonValue& config, const ModelChanges::Run& run);

/// The field by which `config` counts the layers under `prefix`, of the object that speaks of these; none: there is
/// none.
std::optional<std::string> layer_count_field(JsonValue& config, std::string_view prefix);

/// The object of `config` that speaks of the language model: itself, or its text_config.
JsonValue& language_config(JsonValue& config);

}  // namespace ckmerge
