// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/tensor_union.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "core/formula/sole_call.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

// By name, how many models have it, and the last that does.
struct Presence {
  size_t models = 0, input = 0;
};
using Presences = std::map<std::string_view, Presence>;

Presences presences_of(std::span<const Checkpoint> checkpoints) {
  Presences presences;
  for (size_t k = 0; k < checkpoints.size(); ++k)
    for (size_t i = 0; i < checkpoints[k].tensors.size(); ++i) {
      Presence& presence = presences[checkpoints[k].tensors.name(i)];
      ++presence.models;
      presence.input = k;
    }
  return presences;
}

// What a document says of a parameter for one name, of a source or of all.
PlaceNumber::Value value_of(const MergekitConfig& document, const MergekitSource& source, std::string_view parameter,
                            std::string_view name) {
  const MergekitModule& module = document.modules[0];
  const std::array<const MergekitSettings*, 4> scopes = {&source.settings, &module.slices[0].settings, &module.settings,
                                                         &document.settings};
  const bool is_flag = parameter == "normalize";
  const MergekitParameter row{
      .name = parameter, .kind = is_flag ? MergekitKind::flag : MergekitKind::number, .default_value = 1};
  const std::array<std::string, 1> begins = {""};
  const std::span<const MergekitSettings* const> seen = std::span(scopes).subspan(is_flag ? 1 : 0);
  for (const PlaceNumber::Value& value : place_number(row, seen, begins, 0).values)
    if (value.fits(name)) return value;
  return {.number = 1};
}

// Of linear alone: what it multiplies by where there is nothing to divide by.
void refuse_weighted(const MergekitInputs& inputs, const MergekitConfig& document, std::string_view name,
                     size_t input) {
  const std::vector<MergekitSource>& sources = document.modules[0].slices[0].sources;
  const auto source = std::ranges::find(sources, inputs.models[input], &MergekitSource::model);
  if (source == sources.end()) return;
  const double weight = value_of(document, *source, "weight", name).number;
  if (weight == 1 || value_of(document, *source, "normalize", name).number != 0) return;
  refuse_at(inputs.file.where, source->model.place,
            sentence("'", valid_utf8(std::string(name)), "' is in ", valid_utf8(source->model.text),
                     " alone, of which mergekit takes ", number_text(weight),
                     " times its values, as normalize is false; --tensor-union takes it as it is here, so leave "
                     "normalize away, give the weight 1 to it, or -i, which leaves it out"));
}

}  // namespace

std::vector<std::string> tensor_union_warnings(const MergekitInputs& inputs) {
  size_t some = 0;
  std::string_view example;
  for (const auto& [name, presence] : presences_of(inputs.checkpoints)) {
    if (presence.models == inputs.checkpoints.size()) continue;
    for (const MergekitConfig& document : inputs.file.documents)
      if (presence.models == 1 && document.method == "linear") refuse_weighted(inputs, document, name, presence.input);
    if (presence.models > 1 && some++ == 0) example = name;
  }
  if (some == 0) return {};
  return {sentence(counted(some, "tensor"), some == 1 ? " is" : " are", " in several models and not in all, such as '",
                   valid_utf8(std::string(example)),
                   "': --tensor-union takes the first model's that has it, where mergekit merges those that have it")};
}

}  // namespace ckmerge
