// SPDX-License-Identifier: Apache-2.0
#include "core/plan/rule_choices.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "core/blocks/block_selector.h"
#include "core/plan/plan_faults.h"
#include "core/recipe/weighted_graph.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// The terms of the numbers.
constexpr TermId kComputed = 0, kStored = 1;
constexpr double kNone = -1;

std::optional<PartDtype> dtype_of(const RecipeRule& rule, const std::string& label) {
  if (rule.dtype.empty()) return std::nullopt;
  // Made in place: where one is returned by value, g++ 12 sees its empty dtype used uninitialized.
  std::optional<PartDtype> dtype(std::in_place);
  if (rule.dtype == "keep") return dtype;
  try {
    dtype->dtype = parse_dtype(rule.dtype);
    return dtype;
  } catch (const Error& error) {
    throw Error(ErrorCode::usage, "rules", sentence(label, ": ", error.what()));
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
    : recipe_(recipe),
      labels_(labels_of(recipe.rules)),
      computed_(recipe.rules.size()),
      stored_(recipe.rules.size()),
      graph_(graph_of(first)),
      numbers_(graph_) {
  size_t results = 0;
  for (size_t i = 0; i < recipe.rules.size(); ++i) {
    results_.push_back(recipe.rules[i].has_result() ? ++results : 0);
    dtypes_.push_back(dtype_of(recipe.rules[i], labels_[i]));
  }
}

// Of each rule origin 2i is what it says of what is computed, 2i + 1 what of the dtype.
MergeGraph RuleChoices::graph_of(const Checkpoint& first) const {
  MergeGraph graph;
  if (recipe_.rules.empty()) return graph;
  auto blocks = std::make_shared<const BlockMap>(selectable_blocks(first));
  const Selectable selectable{*blocks, first.tensors};
  NumberByName computed{.value = kNone}, stored{.value = kNone - 1};  // or they would be one term
  std::vector<std::string> origins;
  for (size_t i = 0; i < recipe_.rules.size(); ++i) {
    const RecipeRule& rule = recipe_.rules[i];
    for (const std::string& selector : rule.match) {
      const BlockSelection selection = select_names(selector, selectable, labels_[i]);
      if (rule.says_what_is_computed()) add(computed, selection, i, static_cast<uint32_t>(2 * i));
      if (!rule.dtype.empty()) add(stored, selection, i, static_cast<uint32_t>(2 * i + 1));
    }
    origins.insert(origins.end(), {labels_[i], labels_[i]});
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
    const auto rule = static_cast<uint32_t>(rules[kComputed]);
    choice.computed_by = rule;
    choice.drop = recipe_.rules[rule].drop;
    choice.copy = !recipe_.rules[rule].copy.empty();
    choice.result = results_[rule];
  }
  if (rules[kStored] >= 0) {
    choice.stored_by = static_cast<uint32_t>(rules[kStored]);
    choice.dtype = dtypes_[*choice.stored_by];
  }
  return choice;
}

bool RuleChoices::change(std::string_view name) {
  const RuleChoice choice = of(name);
  return choice.result > 0 || (choice.dtype && choice.dtype->dtype);
}

void RuleChoices::note(const RuleChoice& choice, RuleLoss loss) {
  const auto count = [](Outcome& outcome, bool is_done, RuleLoss why) {
    if (is_done)
      ++outcome.decided;
    else
      outcome.losses |= 1U << static_cast<unsigned>(why);
  };
  if (choice.computed_by) count(computed_[*choice.computed_by], choice.is_computed, loss);
  // The dtype of what is A's or takes another's place is chosen as well, of integers none.
  const bool is_gone = loss == RuleLoss::missing || loss == RuleLoss::average;
  if (choice.stored_by) count(stored_[*choice.stored_by], choice.is_stored, is_gone ? loss : RuleLoss::unmergeable);
}

void RuleChoices::expect_used(std::span<const Checkpoint> checkpoints) const {
  if (recipe_.rules.empty()) return;
  if (const std::vector<uint32_t> unmatched = numbers_.unmatched(); !unmatched.empty()) {
    const size_t rule = unmatched[0] / 2;
    throw Error(ErrorCode::usage, "rules",
                sentence(labels_[rule], " ",
                         unmatched_clause(recipe_.rules[rule].match, "of the result", *graph_.blocks(), checkpoints)));
  }
  const auto only_unmergeable = [](const Outcome& outcome) {
    return outcome.decided == 0 && outcome.losses == 1U << static_cast<unsigned>(RuleLoss::unmergeable);
  };
  for (size_t i = 0; i < recipe_.rules.size(); ++i) {
    const RecipeRule& rule = recipe_.rules[i];
    if (!rule.formula.empty() && only_unmergeable(computed_[i]))
      throw Error(ErrorCode::usage, "rules",
                  sentence(labels_[i],
                           " selects integers, buffers or codes alone, which no formula merges; 'copy' "
                           "takes those of another checkpoint"));
    if (!rule.dtype.empty() && only_unmergeable(stored_[i]))
      throw Error(ErrorCode::usage, "rules",
                  sentence(labels_[i], " selects no float tensor of the result whose dtype could be chosen"));
  }
}

std::vector<uint64_t> RuleChoices::decided() const {
  std::vector<uint64_t> decided;
  for (size_t i = 0; i < recipe_.rules.size(); ++i)
    decided.push_back((recipe_.rules[i].says_what_is_computed() ? computed_ : stored_)[i].decided);
  return decided;
}

std::vector<std::string> RuleChoices::warnings() const {
  std::vector<std::string> warnings;
  for (size_t i = 0; i < recipe_.rules.size(); ++i) {
    if (recipe_.rules[i].says_what_is_computed()) warn(i, true, warnings);
    if (!recipe_.rules[i].dtype.empty()) warn(i, false, warnings);
  }
  constexpr size_t kMost = 20;  // a recipe of thousands would hide all else
  if (warnings.size() > kMost) {
    const size_t more = warnings.size() - kMost;
    warnings.resize(kMost);
    warnings.push_back(sentence(counted(more, "more rule"), more == 1 ? " changes" : " change", " nothing"));
  }
  return warnings;
}

const char* RuleChoices::subject(const RecipeRule& rule, bool computed) {
  if (!computed) return "its dtype";
  if (rule.drop) return "'drop'";
  return rule.copy.empty() ? "its formula" : "its copy";
}

void RuleChoices::warn(size_t rule, bool computed, std::vector<std::string>& warnings) const {
  const Outcome& outcome = (computed ? computed_ : stored_)[rule];
  if (outcome.decided > 0) return;
  constexpr std::array<const char*, 5> kWhy{
      "lie outside of --only and --exclude", "are replaced by a VAE's or by averages", "are missing in another input",
      "are averages, which are left out", "are integers, buffers or codes, have another shape, or are written anew"};
  std::string why;
  for (size_t loss = 0; loss < kWhy.size(); ++loss)
    if (outcome.losses >> loss & 1U)
      why += sentence(why.empty() ? "the tensors that it selects " : ", or ", kWhy[loss]);
  if (why.empty()) why = "later rules hold for all that it selects";
  const RecipeRule& given = recipe_.rules[rule];
  warnings.push_back(sentence(labels_[rule], ": ", subject(given, computed), " changes nothing: ", why));
}

}  // namespace ckmerge
