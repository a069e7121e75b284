// SPDX-License-Identifier: Apache-2.0
// Which fields of the inputs' metadata a merged file takes over. What says how a file is read is the first input's,
// whose names and shapes the result has; a merge of two texts there is none.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// The input that the result is read as: of files that are put together the unet, else the first.
size_t primary_input(const Recipe& recipe);

/// The value of `key`; null where there is none.
const std::string* find_field(const Checkpoint& checkpoint, std::string_view key);

/// Whether two values of fields say the same: as JSON, where both are, whatever the order of keys and the blanks.
bool say_the_same(const std::string& a, const std::string& b);

/// Whether the result has a part that denoises, of which alone v-prediction says anything: it is not of --part vae.
bool may_predict(const Recipe& recipe);

/// Whether the user gives the field (Recipe::set_metadata).
bool is_set(const Recipe& recipe, std::string_view key);

/// Keys by which programs decide how the tensors are read: config, model_version.
std::span<const std::string_view> configuration_keys();

/// The fields that are taken over, without those for which `is_left_out` is true. With MetadataPolicy::keep a field is
/// the first input's that has it, and modelspec.* are all of one input; with last it is the last's, as A1111 has it.
/// What says how a file is read is the primary input's with both.
std::map<std::string, std::string> inherited_fields(const Recipe& recipe, std::span<const Checkpoint> checkpoints,
                                                    bool (*is_left_out)(std::string_view key));

/// Where inputs contradict each other in what readers and people act on, a sentence each.
std::vector<std::string> inheritance_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
