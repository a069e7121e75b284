// SPDX-License-Identifier: Apache-2.0
// Planning walks the names of all checkpoints once, in order, so its cost is linear in them. Faults are collected on
// the way and thrown together.
#include "core/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/plan/form_dtypes.h"
#include "core/plan/merge_program.h"
#include "core/plan/name_walk.h"
#include "core/plan/output_files.h"
#include "core/plan/plan_faults.h"
#include "core/plan/replacements.h"
#include "core/plan/selection.h"
#include "core/plan/step_planner.h"
#include "core/plan/sum_terms.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

class Planner {
 public:
  Planner(const Recipe& recipe, const MergeGraph& graph, std::span<const Checkpoint> checkpoints)
      : checkpoints_(checkpoints), programs_(graph) {
    plan_.recipe = recipe;
  }

  // Of a recipe that is one method.
  void set_coefficients(std::vector<double> coefficients) { plan_.coefficients = std::move(coefficients); }

  Plan run() {
    refuse_codes();
    const std::span<const Checkpoint> merged = checkpoints_.first(merged_inputs(plan_.recipe, checkpoints_.size()));
    StepPlanner steps(plan_, programs_, checkpoints_);
    Selection selection(plan_.recipe);
    Replacements replacements(plan_.recipe, checkpoints_);
    const TensorTable& first = checkpoints_[0].tensors;
    plan_.steps.reserve(first.size());
    plan_.sources.reserve(first.size() * checkpoints_.size());
    composed_ = !plan_.recipe.roles.empty();
    merged_count_ = merged.size();
    for (NameWalk walk(composed_ ? checkpoints_ : merged); walk.advance();)
      plan_name(walk, selection.place(walk.name()), replacements, steps);
    const bool adds = composed_ || plan_.recipe.extra != ExtraPolicy::drop;
    const std::vector<std::string> unread = needed_unread(selection, checkpoints_, merged.size(), adds);
    raise_faults(selection, merged, steps.faults(), unread, are_strangers() && plan_.recipe.extra != ExtraPolicy::add);
    selection.check_parts();
    replacements.finish(plan_);
    programs_.expect_matched();
    programs_.finish(plan_);
    plan_.accumulates = can_accumulate(plan_);
    check_constants();
    check_form_dtypes(plan_, checkpoints_);
    lay_out_steps();
    warn();
    return std::move(plan_);
  }

 private:
  // Copied, codes keep the scales beside them and their meaning.
  void refuse_codes() const {
    const auto converts = [](const std::optional<PartDtype>& part) { return part && part->dtype; };
    const bool as_stored =
        !plan_.recipe.dtype && !plan_.recipe.half && std::ranges::none_of(plan_.recipe.part_dtypes, converts);
    if (plan_.recipe.method == "copy" && as_stored) return;
    std::vector<std::string> lines;
    for (const Checkpoint& checkpoint : checkpoints_)
      if (!checkpoint.codes.empty())
        lines.push_back(checkpoint.path + ": is quantized, " + checkpoint.codes +
                        "; a merge of its codes would be noise, give the f16, bf16 or f32 original");
    if (lines.empty()) return;
    throw Error(ErrorCode::mismatch, "", lines.size() == 1 ? lines[0] : "quantized checkpoints cannot be merged",
                lines.size() == 1 ? std::vector<std::string>() : lines);
  }

  void plan_name(const NameWalk& walk, Selection::Place place, Replacements& replacements, StepPlanner& steps) {
    const std::span<const uint32_t> rows = walk.rows();
    const auto present = [](uint32_t row) { return row != NameWalk::kAbsent; };
    const auto holder = std::ranges::find_if(rows, present);
    const auto k = static_cast<uint32_t>(holder - rows.begin());
    const bool everywhere = std::ranges::all_of(rows, present);
    common_names_ += everywhere;
    if (place == Selection::Place::discarded) return plan_.discarded.push_back({k, *holder});
    if (!plan_.recipe.roles.empty()) return steps.add_only(rows);
    if (k == 0)
      if (const auto found = replacements.find(walk.name(), *holder)) return steps.add_replacement(rows[0], *found);
    if (place == Selection::Place::outside && k != 0) return plan_.dropped.push_back({k, *holder});
    if (place == Selection::Place::outside) return steps.add_outside(rows[0]);
    if (k != 0) return steps.add_extra(rows);
    everywhere ? steps.add_common(rows) : steps.add_missing(rows);
  }

  bool are_strangers() const { return !composed_ && merged_count_ > 1 && common_names_ == 0; }

  // A constant that overflows in f32 would turn every zero of its tensor into NaN. Tensors that run in f64 keep it.
  void check_constants() const {
    const auto overflows = [&](const Step& step) {
      if (step.program >= plan_.programs.size() || plan_.programs[step.program].compute == Dtype::F64) return false;
      return std::ranges::any_of(plan_.programs[step.program].code, [](const Instruction& instruction) {
        return !std::isfinite(static_cast<float>(instruction.k0)) || !std::isfinite(static_cast<float>(instruction.k1));
      });
    };
    if (std::ranges::any_of(plan_.steps, overflows))
      throw Error(ErrorCode::usage, plan_.recipe.method,
                  "a coefficient of " + plan_.recipe.method +
                      " is too large: these tensors run in f32, whose largest number is 3.4e38");
  }

  void lay_out_steps() {
    std::vector<std::vector<uint32_t>> files(1, std::vector<uint32_t>(plan_.steps.size()));
    std::iota(files[0].begin(), files[0].end(), uint32_t{0});
    lay_out_files(plan_, checkpoints_, files);
  }

  void warn() {
    warn_about_same_files();
    const auto from_first = [&](const Step& step) {
      return step.program == Step::kCopy && step.expansion == Step::kWhole && plan_.source(step).checkpoint == 0;
    };
    if (are_strangers())
      plan_.warnings.push_back(
          "the checkpoints have no tensor name in common; nothing is merged, their tensors are put into one file");
    if (plan_.steps.empty())
      plan_.warnings.push_back("the output has no tensors");
    else if (checkpoints_.size() > 1 && std::ranges::all_of(plan_.steps, from_first))
      plan_.warnings.push_back("nothing is merged: every tensor of the output is that of " + checkpoints_[0].path);
    if (plan_.recipe.dtype) warn_about_opaque();
    for (std::string& warning : metadata_warnings(plan_.recipe, checkpoints_))
      plan_.warnings.push_back(std::move(warning));
    warn_about_form_dtypes(plan_);
  }

  // Parts may well come from one file.
  void warn_about_same_files() {
    if (!plan_.recipe.roles.empty()) return;
    const auto file_of = [](const Checkpoint& checkpoint) { return checkpoint.shards[0].identity(); };
    for (size_t k = 1; k < checkpoints_.size(); ++k) {
      const auto earlier = std::ranges::find_if(checkpoints_.first(k), [&](const Checkpoint& checkpoint) {
        return file_of(checkpoint).same_file(file_of(checkpoints_[k]));
      });
      if (earlier == checkpoints_.begin() + static_cast<ptrdiff_t>(k)) continue;
      const std::string text = earlier->path + " and " + checkpoints_[k].path + " are the same file";
      if (std::ranges::find(plan_.warnings, text) == plan_.warnings.end()) plan_.warnings.push_back(text);
    }
  }

  void warn_about_opaque() {
    const auto opaque =
        std::ranges::count_if(plan_.steps, [](const Step& step) { return info(step.dtype).kind == DtypeKind::opaque; });
    if (opaque > 0)
      plan_.warnings.push_back(counted(static_cast<size_t>(opaque), "tensor") +
                               (opaque == 1 ? " keeps its dtype" : " keep their dtypes") +
                               ", for which no conversion is defined");
  }

  std::span<const Checkpoint> checkpoints_;
  MergePrograms programs_;
  Plan plan_;
  size_t common_names_ = 0, merged_count_ = 0;
  bool composed_ = false;
};

}  // namespace

const char* name(Action action) {
  constexpr const char* kNames[kActionCount] = {"merge",   "convert", "copy", "copy_integer", "copy_positions", "keep",
                                                "outside", "zero",    "add",  "expand",       "bake",           "ema"};
  return kNames[static_cast<size_t>(action)];
}

uint64_t Plan::count(Action action) const {
  return static_cast<uint64_t>(std::ranges::count(steps, action, &Step::action));
}

uint64_t Plan::converted(Action action) const {
  if (action != Action::keep && action != Action::outside && action != Action::add) return 0;
  return static_cast<uint64_t>(std::ranges::count_if(
      steps, [&](const Step& step) { return step.action == action && step.program != Step::kCopy; }));
}

uint64_t Plan::output_size() const {
  uint64_t size = 0;
  for (const PlannedFile& file : files) size += file.size();
  return size;
}

uint64_t Plan::memory() const {
  uint64_t of_files = 0;
  for (const PlannedFile& file : files) of_files += file.header.capacity() + (file.frame ? file.frame->memory() : 0);
  return steps.capacity() * sizeof(Step) +
         (sources.capacity() + kept.capacity() + dropped.capacity() + left_out.capacity() + discarded.capacity() +
          unshadowed.capacity() + unused.capacity()) *
             sizeof(Source) +
         of_files;
}

Plan make_plan(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  if (checkpoints.empty()) throw Error(ErrorCode::usage, "", "no checkpoint was given");
  const MergeGraph graph = merge_graph(recipe, checkpoints.size());
  Planner planner(recipe, graph, checkpoints);
  planner.set_coefficients(resolve_coefficients(recipe, checkpoints.size()));
  return planner.run();
}

Plan make_plan(const Recipe& recipe, const MergeGraph& graph, std::span<const Checkpoint> checkpoints) {
  if (checkpoints.empty()) throw Error(ErrorCode::usage, "", "no checkpoint was given");
  if (graph.terms().empty() || !recipe.roles.empty())
    throw Error(ErrorCode::usage, "formula",
                "a formula without terms, or beside checkpoints that are put together, says nothing");
  const size_t merged = merged_inputs(recipe, checkpoints.size());
  const auto reaches = [&](const Term& term) { return term.kind == Term::Kind::input && term.input >= merged; };
  if (std::ranges::any_of(graph.terms(), reaches))
    throw Error(ErrorCode::usage, "formula",
                sentence("the formula takes more checkpoints than the ", merged, " that were given"));
  if (recipe.metadata != MetadataPolicy::none)
    throw Error(ErrorCode::usage, "metadata", "no text can record a graph yet; plan it without metadata");
  return Planner(recipe, graph, checkpoints).run();
}

}  // namespace ckmerge
