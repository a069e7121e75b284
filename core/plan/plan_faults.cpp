// SPDX-License-Identifier: Apache-2.0
#include "core/plan/plan_faults.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "core/inputs/component_places.h"
#include "core/inputs/unlike_sizes.h"
#include "core/inputs/whole_part.h"
#include "core/names/name_hint.h"
#include "core/names/name_pattern.h"
#include "core/names/part.h"
#include "core/names/pattern_hint.h"
#include "core/plan/step_rows.h"
#include "core/recipe/weighted_graph.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string unmatched_sentence(const NamePattern& pattern, std::span<const Checkpoint> checkpoints) {
  return pattern.where() + " '" + pattern.text() + "' matches no tensor name" +
         near_pattern(pattern.text(), checkpoints);
}

// A VAE among models is meant to go into them.
std::string vae_advice(std::span<const Checkpoint> checkpoints) {
  const auto vae = std::ranges::find_if(checkpoints, is_vae_alone);
  if (vae == checkpoints.end() || std::ranges::all_of(checkpoints, is_vae_alone)) return "";
  return vae->path +
         " is a VAE: `ckmerge bake MODEL --vae FILE` puts it in place of a checkpoint's own, `ckmerge "
         "compose --unet F --te F --vae F` into one that has none";
}

std::string inside(std::string folder, const std::string& name) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return folder + "/" + name;
}

// Of a file of one network beside the folder of a pipeline, or the other way round.
std::string folder_advice(const Checkpoint& first, const Checkpoint& other) {
  const std::string of_other = counterpart_in(other, first), of_first = counterpart_in(first, other);
  if (of_other.empty() && of_first.empty()) return "";
  const std::string a = of_first.empty() ? first.path : inside(first.path, of_first);
  const std::string b = of_other.empty() ? other.path : inside(other.path, of_other);
  return sentence("what of ", of_other.empty() ? first.path : other.path, " is the counterpart lies in its sub-folder ",
                  of_other.empty() ? of_first : of_other, ": `ckmerge merge ", a, " ", b, "` tells whether they fit");
}

// As a shell takes it.
std::string discard_pattern(std::string_view name) {
  std::string pattern = "'^";
  for (const char c : name) {
    if (std::string_view("\\.[](){}*+?|^$").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + "$'";
}

Error no_common_name(std::span<const Checkpoint> checkpoints) {
  for (const Checkpoint& checkpoint : checkpoints)
    if (checkpoint.tensors.size() == 0)
      return {ErrorCode::mismatch, checkpoint.path, checkpoint.path + ": has no tensors; there is nothing to merge"};
  std::vector<std::string> hints;
  for (size_t k = 1; k < checkpoints.size(); ++k) {
    std::string hint =
        prefix_hint(checkpoints[0].tensors, checkpoints[0].path, checkpoints[k].tensors, checkpoints[k].path);
    if (!hint.empty()) hints.push_back(std::move(hint));
  }
  if (const std::string advice = vae_advice(checkpoints); !advice.empty())
    return {ErrorCode::mismatch, "", "the checkpoints have no tensor name in common; " + advice, hints};
  for (size_t k = 1; k < checkpoints.size(); ++k)
    if (std::optional<Error> unlike = unlike_sizes(checkpoints[0], checkpoints[k])) return *std::move(unlike);
  for (size_t k = 1; k < checkpoints.size(); ++k)
    if (const std::string advice = folder_advice(checkpoints[0], checkpoints[k]); !advice.empty())
      return {ErrorCode::mismatch, "", "the checkpoints have no tensor name in common; " + advice};
  const std::string remedy = hints.empty() ? "they are of different kinds (--extra add puts them into one file)"
                                           : "rename tensors so that they match (--rename, --add-prefix)";
  return {ErrorCode::mismatch, "", "the checkpoints have no tensor name in common; " + remedy, hints};
}

std::vector<Error> unmatched(const std::vector<const NamePattern*>& patterns, std::span<const Checkpoint> checkpoints) {
  std::vector<Error> errors;
  for (const NamePattern* pattern : patterns)
    errors.emplace_back(ErrorCode::usage, pattern->where(), unmatched_sentence(*pattern, checkpoints));
  return errors;
}

// One error for all, its sentence a clause for each kind.
class Gathered {
 public:
  void add_patterns(const std::vector<Error>& errors, const char* of_one, const char* of_several) {
    if (errors.empty()) return;
    add_clause(errors.size() == 1 ? sentence("a pattern ", of_one) : sentence(errors.size(), " patterns ", of_several));
    for (const Error& error : errors) lines_.emplace_back(error.what());
    if (!only_) only_ = errors[0];
    count_ += errors.size();
  }

  // Where there is more to say, advice to one would run into the next: its sentence is a line then, `clause` what it
  // is.
  void add(const Error& error, const std::string& clause) {
    add_clause(clause);
    if (clause != error.what()) lines_.emplace_back(error.what());
    lines_.insert(lines_.end(), error.details().begin(), error.details().end());
    if (!only_) only_ = error;
    ++count_;
  }

  void add(const Error& error) { add(error, error.what()); }

  bool empty() const { return count_ == 0; }

  void throw_any() const {
    if (count_ == 1) throw *only_;
    if (count_ > 1) throw Error(only_->code(), only_->where(), clauses_, lines_);
  }

 private:
  void add_clause(const std::string& clause) { clauses_ += (clauses_.empty() ? "" : ", and ") + clause; }

  size_t count_ = 0;
  std::optional<Error> only_;  // the first
  std::string clauses_;
  std::vector<std::string> lines_;
};

}  // namespace

void raise_faults(const Selection& selection, std::span<const Checkpoint> checkpoints, const Misfits& misfits,
                  const std::vector<std::string>& unread, bool strangers, const std::vector<Error>& pieces) {
  constexpr const char *kOne = "matches no tensor name", *kSeveral = "match no tensor name";
  const std::string cannot_be_read = sentence(counted(unread.size(), "tensor"), " cannot be read");
  Gathered faults;
  faults.add_patterns(selection.faults(), "cannot be understood", "cannot be understood");
  std::vector<Error> misspelt = unmatched(selection.unmatched_only(), checkpoints);
  std::vector<Error> defensive = unmatched(selection.unmatched_defensive(), checkpoints);
  if (!faults.empty() || !misspelt.empty()) {
    std::ranges::move(defensive, std::back_inserter(misspelt));
    defensive.clear();
  }
  faults.add_patterns(misspelt, kOne, kSeveral);
  for (const Error& piece : pieces) faults.add(piece);
  if (!unread.empty() && selection.faults().empty())
    faults.add(unread.size() == 1 ? Error(ErrorCode::mismatch, "", unread[0])
                                  : Error(ErrorCode::mismatch, "", cannot_be_read, unread),
               cannot_be_read);
  if (strangers && pieces.empty() && unread.empty()) faults.add(no_common_name(checkpoints));
  if (!strangers && !misfits.lines.empty() && selection.faults().empty())
    faults.add(
        {ErrorCode::mismatch, "",
         "the checkpoints do not fit together: " +
             (misfits.cause.empty() ? counted(misfits.lines.size(), "tensor") + " cannot be merged" : misfits.cause),
         misfits.lines});
  if (!faults.empty()) faults.add_patterns(defensive, kOne, kSeveral);
  faults.throw_any();
}

std::vector<std::string> pattern_warnings(const Selection& selection, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  for (const Error& error : unmatched(selection.unmatched_defensive(), checkpoints))
    warnings.emplace_back(error.what());
  return warnings;
}

void expect_tensors(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  if (!plan.steps.empty()) return;
  const auto is_empty = [](const Checkpoint& checkpoint) { return checkpoint.tensors.size() == 0; };
  if (std::ranges::all_of(checkpoints, is_empty))
    throw Error(ErrorCode::mismatch, checkpoints[0].path,
                checkpoints[0].path + ": has no tensors; there is nothing to write");
  const Recipe& recipe = plan.recipe;
  const std::pair<bool, const char*> causes[] = {{!recipe.discard.empty(), "--discard"},
                                                 {!recipe.parts.empty(), "--part"},
                                                 {recipe.prune, "--prune"},
                                                 {recipe.ema != EmaPolicy::keep, "--ema"},
                                                 {recipe.missing == MissingPolicy::drop, "--missing drop"},
                                                 {std::ranges::any_of(recipe.rules, &RecipeRule::drop), "rules"}};
  std::string given, where;
  for (const auto& [is_given, option] : causes) {
    if (!is_given) continue;
    if (given.empty()) where = option;
    given += (given.empty() ? "" : " and ") + std::string(option);
  }
  throw Error(ErrorCode::usage, where,
              "the output would have no tensors: " + given + " left all of them out; leave out less");
}

void expect_part_dtypes(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const auto& dtypes = plan.recipe.part_dtypes;
  std::array<bool, kPartCount> seen{};
  if (std::ranges::any_of(dtypes, [](const auto& dtype) { return dtype.has_value(); }))
    for (const Step& step : plan.steps) {
      const Tensor tensor = checkpoints[step.named.checkpoint].tensors[step.named.tensor];
      const std::optional<Part> part = part_in(tensor.name, plan.whole_part);
      if (part && is_real(tensor.dtype)) seen[static_cast<size_t>(*part)] = true;
    }
  for (size_t i = 0; i < kPartCount; ++i)
    if (dtypes[i] && !seen[i])
      throw Error(ErrorCode::usage, "--dtype",
                  sentence("--dtype ", kPartNames[i], "=...: the result has no float tensor of the part ",
                           kPartNames[i], "; --dtype without a part is of all tensors"));
}

void check_constants(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const auto overflows = [&](const Step& step) {
    if (step.program >= plan.programs.size() || plan.programs[step.program].compute == Dtype::F64) return false;
    return std::ranges::any_of(plan.programs[step.program].code, [](const Instruction& instruction) {
      return !std::isfinite(static_cast<float>(instruction.k0)) || !std::isfinite(static_cast<float>(instruction.k1));
    });
  };
  if (const auto step = std::ranges::find_if(plan.steps, overflows); step != plan.steps.end())
    throw Error(ErrorCode::usage, plan.recipe.method,
                sentence("a coefficient of ", plan.recipe.formula ? "the " : "", plan.recipe.method, " for '",
                         checkpoints[step->named.checkpoint].tensors.name(step->named.tensor),
                         "' is too large: such tensors run in f32, whose largest number is 3.4e38"));
}

std::string unmatched_clause(std::span<const std::string> selectors, std::string_view of, const BlockMap& blocks,
                             std::span<const Checkpoint> checkpoints) {
  const bool is_pattern = selectors.size() == 1 && selectors[0].starts_with('/');
  if (!is_pattern) return sentence("selects no tensor ", of, "; the blocks are ", blocks.text());
  const NamePattern pattern("match", selectors[0].substr(1, selectors[0].size() - 2));
  for (const Checkpoint& checkpoint : checkpoints)
    for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
      if (pattern.matches(checkpoint.tensors.name(i)))
        return sentence("matches names such as '", checkpoint.tensors.name(i), "', but none of a tensor ", of);
  return "matches no tensor name" + near_pattern(pattern.text(), checkpoints);
}

void expect_weights_matched(const Recipe& recipe, std::span<const uint32_t> unmatched,
                            std::span<const Checkpoint> checkpoints) {
  if (unmatched.empty()) return;
  const WeightRule& weight = recipe.weights.at(unmatched[0]);
  std::vector<std::string> selectors;
  if (weight.by == WeightRule::By::selector) selectors.push_back(weight.selector);
  throw Error(ErrorCode::usage, "weight",
              sentence("the weight '", text_of(weight), "' ",
                       unmatched_clause(selectors, "that is merged", selectable_blocks(checkpoints[0]), checkpoints)));
}

std::vector<std::string> needed_unread(Selection& selection, std::span<const Checkpoint> checkpoints, size_t merged,
                                       bool adds) {
  std::vector<std::string> lines;
  std::vector<std::string_view> first;
  for (const UnreadTensor& tensor : checkpoints[0].unread) first.push_back(tensor.name);
  std::ranges::sort(first);
  const auto first_has = [&](const std::string& name) {
    return checkpoints[0].tensors.find(name) != TensorTable::npos || std::ranges::binary_search(first, name);
  };
  for (size_t k = 0; k < checkpoints.size(); ++k)
    for (const UnreadTensor& tensor : checkpoints[k].unread) {
      const Selection::Place place = selection.place(tensor.name);
      const bool only_merged = k > 0 && k < merged && !adds;
      if (place == Selection::Place::discarded) continue;
      if (only_merged && (place == Selection::Place::outside || !first_has(tensor.name))) continue;
      lines.push_back(sentence(checkpoints[k].path, ": tensor '", tensor.name, "': ", tensor.why,
                               "; leave it out (--discard ", discard_pattern(tensor.name), ")"));
    }
  return lines;
}

void check_lines(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> lines;
  for (const Step& step : plan.steps)
    if (step.expansion != Step::kWhole && needs_statistics(plan, step) && statistics_of(plan, step).has_lines())
      lines.push_back(sentence(checkpoints[step.named.checkpoint].tensors.name(step.named.tensor),
                               ": has more channels in the first checkpoint"));
  if (!lines.empty())
    throw Error(
        ErrorCode::mismatch, plan.recipe.method,
        sentence("rows and columns of tensors that differ in size cannot be compared; leave such tensors as they are "
                 "in the first checkpoint (--exclude with their names), or give them a formula of single elements (a "
                 "rule of a recipe)"),
        std::move(lines));
}

void check_form_dtypes(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const DtypeRule& rule = plan.recipe.form->stores;
  if (!rule.takes) return;
  std::vector<std::string> lines;
  for (const Step& step : plan.steps)
    if (!rule.takes(step.dtype))
      lines.push_back(sentence(checkpoints[step.named.checkpoint].tensors[step.named.tensor].name, ": would be ",
                               info(step.dtype).name));
  if (lines.empty()) return;
  const size_t count = lines.size();
  throw Error(ErrorCode::mismatch, "", sentence(count, count == 1 ? " tensor has " : " tensors have ", rule.before),
              std::move(lines));
}

}  // namespace ckmerge
