// SPDX-License-Identifier: Apache-2.0
// An untrusted configuration of mergekit over small models: refused with Error(usage), or brought to a recipe whose
// formula can be read, whose operands are slices of layers that there are, and whose text reads back as itself.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/formula/recipe_graph.h"
#include "core/mergekit/mergekit_recipe.h"
#include "core/recipe/provenance.h"
#include "core/slices/sliced_inputs.h"
#include "io/text/error.h"

using namespace ckmerge;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

Checkpoint model(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  for (const char* const name :
       {"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.mlp.weight", "model.layers.0.self_attn.weight",
        "model.layers.1.mlp.weight", "model.layers.1.self_attn.weight", "model.layers.2.mlp.weight",
        "model.layers.2.self_attn.weight", "model.norm.weight", "visual.blocks.0.weight", "visual.merger.weight"})
    checkpoint.tensors.add(name, Dtype::F32, {}, 0, 0, 4, 1);
  checkpoint.tensors.sort_by_name();
  return checkpoint;
}

void check(const MergekitFile& file) {
  const std::vector<MergekitModel> models = mergekit_models(file);
  constexpr size_t kMostModels = 64;
  if (models.size() > kMostModels) return;
  std::vector<Checkpoint> opened;
  for (const MergekitModel& one : models) opened.push_back(model(one.text));
  for (const bool is_flat : {false, true}) {
    const MergekitInputs inputs{.file = file, .models = models, .checkpoints = opened, .is_flat = is_flat};
    const MergekitMerge made = mergekit_recipe(inputs);
    expect(made.recipe.formula.has_value() && made.inputs.size() >= models.size());
    std::vector<Checkpoint> checkpoints;
    for (const uint32_t input : made.inputs) checkpoints.push_back(model(models[input].text));
    check_recipe(made.recipe, checkpoints.size());
    slice_inputs(made.recipe, checkpoints);
    std::vector<std::string> names(checkpoints.size(), "m");
    const Recipe canonical = canonical_recipe(made.recipe, checkpoints.size());
    const std::string text = recipe_text(canonical, names, {});
    if (canonical.vocabulary) continue;  // of a folder its last name is kept
    expect(recipe_text(parse_recipe(text).recipe, names, {}) == text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = size_t{1} << 14;  // what is longer only takes longer
  if (size > kLongest) return 0;
  try {
    check(parse_mergekit({reinterpret_cast<const char*>(data), size}, "fuzz.yml"));
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::usage && error.what()[0] != '\0');
  }
  return 0;
}
