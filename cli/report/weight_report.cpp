// SPDX-License-Identifier: Apache-2.0
#include "cli/report/weight_report.h"

#include <algorithm>

#include "cli/options/sizes.h"
#include "cli/report/report.h"
#include "cli/system/text.h"
#include "core/recipe/weighted_graph.h"

namespace ckmerge::cli {
namespace {

// A gradient is a list although it may have one number only in a list by block.
void write_numbers(JsonWriter& json, const WeightRule& rule) {
  if (rule.values.size() == 1 && rule.by != WeightRule::By::list) {
    json.value(rule.values[0]);
    return;
  }
  json.begin_array();
  for (const double value : rule.values) json.value(value);
  json.end_array();
}

void write_selector(JsonWriter& json, const WeightRule& rule) {
  switch (rule.by) {
    case WeightRule::By::list: break;
    case WeightRule::By::selector: json.key("select").value(rule.selector); break;
    case WeightRule::By::elements:
      json.key("blocks").value(rule.selector);
      json.key("elements").value(rule.elements);
      break;
  }
}

uint64_t tensors_of(const Plan& plan, size_t rule) { return rule < plan.weighted.size() ? plan.weighted[rule] : 0; }

}  // namespace

std::string weight_lines(const Plan& plan) {
  const std::vector<WeightRule>& rules = plan.recipe.weights;
  if (rules.empty()) return "";
  std::string out = "  weights, of which the last that selects a tensor holds:\n";
  return out + listed(rules.size(), [&](size_t i) {
           return shortened(text_of(rules[i]), kSentenceWidth) + "  in " + counted(tensors_of(plan, i), "tensor");
         });
}

void write_weights(JsonWriter& json, const Plan& plan) {
  json.key("weights").begin_array();
  for (size_t i = 0; i < plan.recipe.weights.size(); ++i) {
    const WeightRule& rule = plan.recipe.weights[i];
    json.begin_object();
    json.key("parameter").value(rule.parameter);
    if (rule.input >= 0) json.key("input").value(letter(static_cast<size_t>(rule.input)));
    write_selector(json, rule);
    json.key(rule.by == WeightRule::By::list ? "list" : "value");
    write_numbers(json, rule);
    json.key("tensors").value(tensors_of(plan, i));
    json.end_object();
  }
  json.end_array();
}

std::string rule_lines(const Plan& plan) {
  const std::vector<RecipeRule>& rules = plan.recipe.rules;
  if (rules.empty()) return "";
  const auto line = [&](size_t i) {
    const RecipeRule& rule = rules[i];
    std::string text = joined(rule.match, ", ") + ": ";
    if (rule.drop) text += "dropped";
    if (!rule.formula.empty()) text += rule.formula;
    if (!rule.copy.empty()) text += "copy of " + rule.copy;
    if (!rule.dtype.empty()) text += (rule.has_result() ? ", stored as " : "stored as ") + rule.dtype;
    return shortened(text, kSentenceWidth) + "  for " + counted(plan.ruled.at(i), "tensor");
  };
  return "  rules, of which the last that fits a tensor holds:\n" + listed(rules.size(), line);
}

void write_rules(JsonWriter& json, const Plan& plan) {
  json.key("rules").begin_array();
  for (size_t i = 0; i < plan.recipe.rules.size(); ++i) {
    const RecipeRule& rule = plan.recipe.rules[i];
    json.begin_object();
    json.key("match").value(rule.match);
    if (!rule.formula.empty()) json.key("formula").value(rule.formula);
    if (!rule.copy.empty()) json.key("copy").value(rule.copy);
    if (rule.drop) json.key("drop").value(true);
    if (!rule.dtype.empty()) json.key("dtype").value(rule.dtype);
    json.key("tensors").value(plan.ruled.at(i));
    json.end_object();
  }
  json.end_array();
}

BlockMap blocks_of(const Checkpoint& checkpoint) { return selectable_blocks(checkpoint); }

std::string block_lines(const BlockMap& blocks) {
  const std::string of = blocks.architecture().empty() ? "" : " of " + visible(blocks.architecture());
  std::string out = "  blocks" + of + " (" + std::string(blocks.table().name) + "): " + blocks.text() + "\n";
  size_t width = 0;
  for (const Block& block : blocks.blocks()) width = std::max(width, block.name.size());
  for (const Block& block : blocks.blocks())
    out += "    " + block.name + std::string(width - block.name.size() + 2, ' ') + counted(block.tensors, "tensor") +
           ", " + size_text(block.size) + "\n";
  return out;
}

void write_blocks(JsonWriter& json, const BlockMap& blocks) {
  json.key("architecture").value(blocks.architecture());
  json.key("blocks").begin_array();
  for (const Block& block : blocks.blocks()) {
    json.begin_object();
    json.key("name").value(block.name);
    json.key("tensors").value(block.tensors);
    json.key("size").value(block.size);
    json.end_object();
  }
  json.end_array();
}

}  // namespace ckmerge::cli
