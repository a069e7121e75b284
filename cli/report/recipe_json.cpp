// SPDX-License-Identifier: Apache-2.0
#include "cli/report/recipe_json.h"

#include "cli/report/adapter_report.h"
#include "cli/report/slices_report.h"
#include "cli/report/weight_report.h"

namespace ckmerge::cli {
namespace {

// How tensors are stored, where --dtype of all does not say it, and which of one checkpoint there are.
void write_forms(JsonWriter& json, const Recipe& recipe) {
  json.key("dtypes").begin_object();
  for (size_t i = 0; i < kPartCount; ++i)
    if (const auto& part = recipe.part_dtypes[i])
      json.key(kPartNames[i]).value(part->dtype ? info(*part->dtype).name : "keep");
  json.end_object();
  json.key("dtype_rules").value(recipe.dtype_rules);
  json.key("half").value(recipe.half);
  json.key("format").value(recipe.form->name);
  json.key("parts").value(recipe.parts);
  json.key("copy_codes").value(recipe.copy_codes);
  json.key("prune").value(recipe.prune);
  json.key("ema").value(ckmerge::name(recipe.ema));
  json.key("bake_vae").value(recipe.bake_vae);
  write_adapter_uses(json, recipe);
  json.key("roles").value(recipe.roles);
  json.key("layout").value(recipe.layout);
}

// Null where a method is merged.
void write_formula(JsonWriter& json, const Recipe& recipe) {
  json.key("formula");
  if (!recipe.formula) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("text").value(recipe.formula->text);
  json.key("names").value(recipe.formula->names);
  json.end_object();
}

void write_parameters(JsonWriter& json, const Recipe& recipe) {
  json.key("parameters").begin_object();
  if (recipe.formula)
    for (const auto& [name, values] : recipe.parameters) json.key(name).value(values.at(0));
  else if (const Method* const method = find_method(recipe.method))
    for (const ParameterSpec& parameter : method->spec->parameter_list())
      if (const auto given = recipe.parameters.find(parameter.name); given != recipe.parameters.end())
        write_parameter_value(json.key(given->first), parameter.kind, given->second);
  json.end_object();
}

// What is asked of tokens, but for where the row of each is from, which may be many; null where nothing is.
void write_vocabulary(JsonWriter& json, const Recipe& recipe) {
  json.key("vocab").value(ckmerge::name(recipe.vocab));
  json.key("vocabulary");
  if (!recipe.vocabulary) {
    json.null();
  } else {
    using enum VocabularyRequest::Kind;
    const VocabularyRequest& request = *recipe.vocabulary;
    json.begin_object();
    json.key("source");
    if (request.kind == input)
      json.value(request.input);
    else
      json.value(request.kind == base ? "base" : request.kind == united ? "union" : request.folder.c_str());
    json.key("tokens").value(request.tokens.size());
    json.key("pad_to_multiple_of").value(request.pad_to_multiple_of);
    json.end_object();
  }
  json.key("chat_template").value(recipe.chat_template);
}

}  // namespace

void write_parameter_value(JsonWriter& json, ParameterKind kind, const std::vector<double>& value) {
  if (kind == ParameterKind::flag) {
    json.value(value[0] != 0);
  } else if (kind == ParameterKind::number) {
    json.value(value[0]);
  } else {
    json.begin_array();
    for (const double number : value) json.value(number);
    json.end_array();
  }
}

void write_recipe(JsonWriter& json, const MergeFacts& facts) {
  const Recipe& recipe = facts.plan.recipe;
  json.key("method").value(recipe.method);
  write_parameters(json, recipe);
  write_weights(json, facts.plan);
  write_rules(json, facts.plan);
  write_formula(json, recipe);
  write_slices(json, recipe);
  json.key("coefficients").begin_array();
  for (const double coefficient : facts.plan.coefficients) json.value(coefficient);
  json.end_array();
  json.key("dtype").value(recipe.dtype ? info(*recipe.dtype).name : "keep");
  write_forms(json, recipe);
  json.key("like").value(facts.preset);
  json.key("discard").value(recipe.discard);
  json.key("only").value(recipe.only);
  json.key("exclude").value(recipe.exclude);
  json.key("strip_prefix").value(recipe.strip_prefix);
  json.key("rename").value(recipe.rename);
  json.key("add_prefix").value(recipe.add_prefix);
  json.key("missing").value(ckmerge::name(recipe.missing));
  json.key("extra").value(ckmerge::name(recipe.extra));
  json.key("expand").value(ckmerge::name(recipe.expand));
  json.key("first_channels").value(recipe.first_channels);
  write_vocabulary(json, recipe);
  json.key("nan").value(ckmerge::name(recipe.nan));
  json.key("merge_buffers").value(recipe.merge_buffers);
  json.key("mend").value(recipe.mend);
  json.key("underflow").value(ckmerge::name(recipe.underflow));
  json.key("rounding").value(ckmerge::name(recipe.rounding));
  json.key("seed");
  recipe.seed ? json.value(*recipe.seed) : json.null();
  json.key("metadata").value(ckmerge::name(recipe.metadata));
  json.key("set_metadata").begin_object();
  for (const auto& [key, value] : recipe.set_metadata) json.key(key).value(value);
  json.end_object();
  json.key("hash").value(recipe.hash);
}

}  // namespace ckmerge::cli
