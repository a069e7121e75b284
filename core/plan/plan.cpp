// SPDX-License-Identifier: Apache-2.0
// Planning walks the names of all checkpoints once, in order, so its cost is linear in them. Faults are collected on
// the way and thrown together.
#include "core/plan/plan.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "core/formula/recipe_graph.h"
#include "core/formula/whole_terms.h"
#include "core/inputs/judged_inputs.h"
#include "core/inputs/whole_part.h"
#include "core/plan/merge_program.h"
#include "core/plan/name_walk.h"
#include "core/plan/output_files.h"
#include "core/plan/partners.h"
#include "core/plan/passes.h"
#include "core/plan/pieces.h"
#include "core/plan/plan_faults.h"
#include "core/plan/plan_warnings.h"
#include "core/plan/replacements.h"
#include "core/plan/rule_choices.h"
#include "core/plan/selection.h"
#include "core/plan/stale_averages.h"
#include "core/plan/step_planner.h"
#include "core/plan/sum_terms.h"
#include "core/recipe/layout_judge.h"
#include "core/recipe/method_defaults.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

class Planner {
 public:
  Planner(const Recipe& recipe, const MergeGraph& graph, std::span<const Checkpoint> checkpoints)
      : checkpoints_(given_checkpoints(checkpoints)),
        sources_(checkpoints),
        programs_(graph, first_adapter(recipe, checkpoints_.size()), recipe.adapters.size(),
                  whole_operands(graph, checkpoints), BesideOperands(graph, checkpoints)),
        partners_(checkpoints_.first(merged_inputs(recipe, checkpoints_.size()))),
        needs_whole_tensors_(std::ranges::any_of(graph.terms(), needs_whole_tensors)),
        graph_(graph) {
    plan_.recipe = recipe;
    if (const Method* method = find_method(recipe.method)) plan_.recipe.method = method->spec->name;  // not an alias
    rules_.emplace(plan_.recipe, checkpoints[0]);
  }

  // Of a recipe that is one method.
  void set_coefficients(std::vector<double> coefficients) { plan_.coefficients = std::move(coefficients); }

  Plan run() {
    refuse_unmergeable(plan_.recipe, checkpoints_, [&](std::string_view name) { return rules_->change(name); });
    if (plan_.recipe.copy_codes) coded_.emplace(checkpoints_);
    const std::span<const Checkpoint> merged = checkpoints_.first(merged_inputs(plan_.recipe, checkpoints_.size()));
    if (speaks_of_parts()) plan_.whole_part = whole_part(checkpoints_[0]);
    Selection selection(plan_.recipe, plan_.whole_part);
    for (const Checkpoint& checkpoint : checkpoints_)
      for (const UnplacedTensor& tensor : checkpoint.unplaced)
        if (tensor.fate == UnplacedTensor::Fate::discarded) selection.saw_discarded(tensor.name);
    AdapterRows adapters(plan_.recipe, checkpoints_);
    StepPlanner steps(plan_, programs_, sources_, selection, adapters);
    Replacements replacements(plan_.recipe, checkpoints_);
    StaleAverages averages(plan_.recipe, merged);
    averages.weigh(selection);
    const TensorTable& first = checkpoints_[0].tensors;
    plan_.steps.reserve(first.size());
    plan_.sources.reserve(first.size() * sources_.size());
    composed_ = !plan_.recipe.roles.empty();
    merged_count_ = merged.size();
    for (NameWalk walk(composed_ ? checkpoints_ : merged); walk.advance();)
      plan_name(walk, selection.place(walk.name()), replacements, averages, steps);
    add_warnings(plan_, steps.warnings());
    adapters.finish(plan_);
    const bool adds = composed_ || plan_.recipe.extra != ExtraPolicy::drop;
    const std::vector<std::string> unread = needed_unread(selection, checkpoints_, merged.size(), adds);
    raise_faults(selection, merged, {steps.faults(), steps.vocabulary_fault()}, unread,
                 are_strangers() && plan_.recipe.extra != ExtraPolicy::add, judge_inputs());
    selection.check_parts();
    expect_part_dtypes(plan_, checkpoints_);
    steps.expect_dtypes_used();
    rules_->expect_used(checkpoints_);
    plan_.ruled = rules_->decided();
    add_warnings(plan_, pattern_warnings(selection, merged));
    add_warnings(plan_, rules_->warnings());
    replacements.finish(plan_);
    averages.finish(plan_);
    expect_tensors(plan_, merged);
    programs_.expect_matched();
    expect_weights_matched(plan_.recipe, programs_.unmatched_weights(), checkpoints_);
    programs_.finish(plan_);
    plan_.held_whole = whole_memory(plan_, graph_, sources_);
    plan_.accumulates = can_accumulate(plan_);
    check_constants(plan_, checkpoints_);
    check_lines(plan_, checkpoints_);
    check_form_dtypes(plan_, checkpoints_);
    lay_out_steps();
    count_whole_reads(plan_, sources_);
    warn_about(plan_, checkpoints_, input_warnings_, are_strangers());
    return std::move(plan_);
  }

 private:
  bool speaks_of_parts() const {
    return !plan_.recipe.parts.empty() ||
           std::ranges::any_of(plan_.recipe.part_dtypes, [](const auto& part) { return part.has_value(); });
  }

  static bool needs_whole_tensors(const Term& term) {
    if (term.kind != Term::Kind::method) return false;
    const Method& method = *find_method(term.method);
    return method.reductions || method.made || method.spec->of_whole_tensors;
  }

  // What speaks against merging the inputs by their names and places, whatever a tensor's shape and dtype.
  std::vector<Error> judge_inputs() {
    std::vector<Error> faults;
    const LayoutVerdict layouts = judge_layout_fields(plan_.recipe, checkpoints_, needs_whole_tensors_);
    for (const std::string& fault : layouts.faults) faults.emplace_back(ErrorCode::mismatch, "", fault);
    PieceVerdict pieces = judge_pieces(plan_.recipe, checkpoints_, partners_);
    faults.insert(faults.end(), pieces.faults.begin(), pieces.faults.end());
    Partners::Verdict spellings;
    if (faults.empty()) spellings = partners_.judge(plan_.recipe);  // of pieces names say nothing
    faults.insert(faults.end(), spellings.faults.begin(), spellings.faults.end());
    for (const auto& warnings : {layouts.warnings, pieces.warnings, spellings.warnings})
      input_warnings_.insert(input_warnings_.end(), warnings.begin(), warnings.end());
    return faults;
  }

  void plan_name(const NameWalk& walk, Selection::Place place, Replacements& replacements, StaleAverages& averages,
                 StepPlanner& steps) {
    const std::span<const uint32_t> rows = walk.rows();
    const auto present = [](uint32_t row) { return row != NameWalk::kAbsent; };
    const auto holder = std::ranges::find_if(rows, present);
    const auto k = static_cast<uint32_t>(holder - rows.begin());
    const bool everywhere = std::ranges::all_of(rows, present);
    common_names_ += everywhere;
    if (place == Selection::Place::discarded) return plan_.discarded.push_back({k, *holder});
    const bool is_coded = coded_ && coded_->covers(walk.name());
    if (!plan_.recipe.roles.empty())
      return is_coded && std::ranges::count_if(rows, present) == 1 ? steps.add_codes(rows) : steps.add_only(rows);
    RuleChoice choice = rules_->of(walk.name());
    if (averages.leaves_out(walk.name())) {
      rules_->note(choice, RuleLoss::average);
      return plan_.discarded.push_back({k, *holder});
    }
    if (choice.drop) {
      choice.is_computed = true;
      rules_->note(choice, RuleLoss::missing);
      replacements.leave_out(walk.name());
      return plan_.discarded.push_back({k, *holder});
    }
    steps.take_choice(choice, walk.name());
    const RuleLoss loss =
        plan_merged(walk.name(), rows, {.place = place, .holder = k, .is_coded = is_coded}, replacements, steps);
    rules_->note(steps.choice(), loss);
  }

  struct Standing {
    Selection::Place place;
    uint32_t holder;  // the first checkpoint that has it
    bool is_coded;
  };

  // Why rules have no say, where they have none.
  RuleLoss plan_merged(std::string_view name, std::span<const uint32_t> rows, const Standing& standing,
                       Replacements& replacements, StepPlanner& steps) {
    const uint32_t k = standing.holder;
    if (standing.is_coded && (k == 0 || plan_.recipe.extra == ExtraPolicy::add)) {
      steps.add_codes(rows);
      return RuleLoss::unmergeable;
    }
    if (k == 0)
      if (const auto found = replacements.find(name, rows[0])) {
        steps.add_replacement(rows[0], *found);
        return RuleLoss::replaced;
      }
    if (standing.place == Selection::Place::outside) {
      k == 0 ? steps.add_outside(rows[0]) : plan_.dropped.push_back({k, rows[k]});
      return RuleLoss::outside;
    }
    const bool everywhere = std::ranges::find(rows, NameWalk::kAbsent) == rows.end();
    if (!everywhere) partners_.visit(rows);
    if (k != 0)
      steps.add_extra(rows);
    else
      everywhere ? steps.add_common(rows) : steps.add_missing(rows);
    return everywhere ? RuleLoss::unmergeable : RuleLoss::missing;
  }

  bool are_strangers() const { return !composed_ && merged_count_ > 1 && common_names_ == 0; }

  void lay_out_steps() {
    FileContents file{.steps = std::vector<uint32_t>(plan_.steps.size())};
    std::iota(file.steps.begin(), file.steps.end(), uint32_t{0});
    lay_out_files(plan_, sources_, {&file, 1});
  }

  std::span<const Checkpoint> checkpoints_;  // as they were given
  std::span<const Checkpoint> sources_;      // and what is made of their whole tensors
  MergePrograms programs_;
  Partners partners_;
  bool needs_whole_tensors_;
  const MergeGraph& graph_;
  std::vector<std::string> input_warnings_;
  Plan plan_;
  std::optional<RuleChoices> rules_;
  std::optional<CodedModules> coded_;  // with Recipe::copy_codes
  size_t common_names_ = 0, merged_count_ = 0;
  bool composed_ = false;
};

}  // namespace

const char* name(Action action) {
  constexpr const char* kNames[kActionCount] = {
      "merge", "convert", "copy",   "copy_integer", "copy_codes", "copy_opaque", "copy_positions", "keep",  "outside",
      "zero",  "add",     "expand", "bake",         "ema",        "copy_buffer", "mend",           "adapt", "replace"};
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

size_t Plan::owner(size_t step) const {
  const auto tie = std::ranges::lower_bound(ties, step, {}, &Tie::step);
  return tie != ties.end() && tie->step == step ? tie->owner : step;
}

size_t Plan::registers() const {
  size_t most = 0;
  const auto take = [&](const Program& program) { most = std::max(most, program.registers()); };
  for (const Program& program : programs) take(program);
  for (const StatisticSet& set : statistics)
    for (const Reduction& reduction : set.reductions) {
      take(reduction.value);
      if (reduction.factor) take(*reduction.factor);
      if (reduction.tail_value) take(*reduction.tail_value);
      if (reduction.tail_factor) take(*reduction.tail_factor);
    }
  return most;
}

uint64_t Plan::output_size() const {
  uint64_t size = 0;
  for (const PlannedFile& file : files) size += file.size();
  return size;
}

uint64_t Plan::memory() const {
  uint64_t of_files = 0;
  for (const PlannedFile& file : files) of_files += file.header.capacity() + (file.frame ? file.frame->memory() : 0);
  return steps.capacity() * sizeof(Step) + ties.capacity() * sizeof(Tie) +
         (sources.capacity() + kept.capacity() + dropped.capacity() + left_out.capacity() + discarded.capacity() +
          unshadowed.capacity() + unused.capacity() + unadapted.capacity()) *
             sizeof(Source) +
         of_files;
}

Plan make_plan(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  if (checkpoints.empty()) throw Error(ErrorCode::usage, "", "no checkpoint was given");
  const std::span<const Checkpoint> given = given_checkpoints(checkpoints);
  const size_t inputs = given.size();
  const Recipe canonical = canonical_recipe(recipe, inputs);
  const MergeGraph graph = graph_of(canonical, given);
  Planner planner(with_defaults(canonical, inputs), graph, checkpoints);
  if (!canonical.formula) planner.set_coefficients(resolve_coefficients(canonical, inputs));
  return planner.run();
}

Plan make_plan(const Recipe& recipe, const MergeGraph& graph, std::span<const Checkpoint> checkpoints) {
  if (checkpoints.empty()) throw Error(ErrorCode::usage, "", "no checkpoint was given");
  if (graph.terms().empty() || !recipe.roles.empty())
    throw Error(ErrorCode::usage, "formula",
                "a formula without terms, or beside checkpoints that are put together, says nothing");
  const size_t merged = merged_inputs(recipe, given_checkpoints(checkpoints).size());
  const auto reaches = [&](const Term& term) { return term.kind == Term::Kind::input && term.input >= merged; };
  if (std::ranges::any_of(graph.terms(), reaches))
    throw Error(ErrorCode::usage, "formula",
                sentence("the formula takes more checkpoints than the ", merged, " that were given"));
  if (writes_recipe(recipe))
    throw Error(ErrorCode::usage, "metadata", "no text can record a graph yet; plan it without metadata");
  return Planner(recipe, graph, checkpoints).run();
}

}  // namespace ckmerge
