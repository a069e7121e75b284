// SPDX-License-Identifier: Apache-2.0
#include "core/plan/rule_choices.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/blocks/block_selector.h"
#include "core/recipe/weighted_graph.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// The terms of the numbers.
constexpr TermId kComputed = 0, kStored = 1;
constexpr double kNone = -1;

std::optional<PartDtype> dtype_of(const RecipeRule& rule) {
  if (rule.dtype.empty()) return std::nullopt;
  if (rule.dtype == "keep") return PartDtype{};
  try {
    return PartDtype{parse_dtype(rule.dtype)};
  } catch (const Error& error) {
    throw Error(ErrorCode::usage, "rules", sentence(text_of(rule), ": ", error.what()));
  }
}

void add(NumberByName& number, const BlockSelection& selection, size_t rule, uint32_t origin) {
  number.rules.push_back({.pattern = selection.pattern,
                          .value = static_cast<double>(rule),
                          .blocks = selection.blocks,
                          .unless = selection.unless,
                          .origin = origin});
}

}  // namespace

RuleChoices::RuleChoices(const Recipe& recipe, const Checkpoint& first)
    : recipe_(recipe), graph_(graph_of(recipe, first)), numbers_(graph_) {
  size_t results = 0;
  for (const RecipeRule& rule : recipe.rules) {
    results_.push_back(rule.formula.empty() ? 0 : ++results);
    dtypes_.push_back(dtype_of(rule));
  }
}

// Of each rule origin 2i is what it says of what is computed, 2i + 1 what of the dtype.
MergeGraph RuleChoices::graph_of(const Recipe& recipe, const Checkpoint& first) {
  MergeGraph graph;
  if (recipe.rules.empty()) return graph;
  auto blocks = std::make_shared<const BlockMap>(selectable_blocks(first));
  const Selectable selectable{*blocks, first.tensors};
  NumberByName computed{.value = kNone}, stored{.value = kNone - 1};  // or they would be one term
  std::vector<std::string> origins;
  for (size_t i = 0; i < recipe.rules.size(); ++i) {
    const RecipeRule& rule = recipe.rules[i];
    const std::string text = text_of(rule);
    for (const std::string& selector : rule.match) {
      const BlockSelection selection = select_names(selector, selectable, text);
      if (rule.says_what_is_computed()) add(computed, selection, i, static_cast<uint32_t>(2 * i));
      if (!rule.dtype.empty()) add(stored, selection, i, static_cast<uint32_t>(2 * i + 1));
    }
    origins.insert(origins.end(), {text, text});
  }
  graph.number(std::move(computed));
  graph.number(std::move(stored));
  graph.set_blocks(std::move(blocks), std::move(origins));
  return graph;
}

RuleChoice RuleChoices::of(std::string_view name) {
  RuleChoice choice;
  if (recipe_.rules.empty()) return choice;
  const std::vector<double>& rules = numbers_.of(name);
  if (rules[kComputed] >= 0) {
    const auto rule = static_cast<size_t>(rules[kComputed]);
    choice.drop = recipe_.rules[rule].drop;
    choice.result = results_[rule];
  }
  if (rules[kStored] >= 0) choice.dtype = dtypes_[static_cast<size_t>(rules[kStored])];
  return choice;
}

void RuleChoices::expect_matched() const {
  const std::vector<uint32_t> unmatched = numbers_.unmatched();
  if (unmatched.empty()) return;
  throw Error(ErrorCode::usage, "rules",
              sentence(graph_.origins()[unmatched[0]], " is of no tensor of the result; the blocks are ",
                       graph_.blocks()->text()));
}

std::vector<uint64_t> RuleChoices::held() const {
  std::vector<uint64_t> held;
  for (size_t i = 0; i < recipe_.rules.size(); ++i)
    held.push_back(numbers_.held()[2 * i + (recipe_.rules[i].says_what_is_computed() ? 0 : 1)]);
  return held;
}

}  // namespace ckmerge
