// SPDX-License-Identifier: Apache-2.0
// Planning walks the names of all checkpoints once, in order, so its cost is linear in them. Faults are collected on
// the way and thrown together.
#include "core/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/merge_program.h"
#include "core/name_hint.h"
#include "core/name_walk.h"
#include "core/near_name.h"
#include "core/selection.h"
#include "core/step_planner.h"
#include "core/substitutes.h"
#include "core/sum_terms.h"
#include "core/torch_dtypes.h"
#include "io/error.h"
#include "io/output_layout.h"

namespace ckmerge {
namespace {

// What the sums of the inputs will be put over: as long, and each different from the others.
std::vector<InputHash> stand_ins(size_t inputs) {
  std::vector<InputHash> hashes;
  for (size_t k = 0; k < inputs; ++k) {
    const std::string number = std::to_string(k);
    hashes.push_back({.sha256 = std::string(64 - number.size(), '0') + number, .legacy_hash = "00000000"});
  }
  return hashes;
}

std::string tensor_count(size_t count) { return std::to_string(count) + (count == 1 ? " tensor" : " tensors"); }

std::vector<OutputTensor> output_tensors(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  std::vector<OutputTensor> tensors;
  tensors.reserve(plan.steps.size());
  for (const Step& step : plan.steps) {
    const Tensor tensor = checkpoints[step.named.checkpoint].tensors[step.named.tensor];
    tensors.push_back({tensor.name, step.dtype, tensor.shape, step.size});
  }
  return tensors;
}

OutputLayout lay_out_form(const Plan& plan, std::span<const Checkpoint> checkpoints, const Metadata& metadata) {
  if (plan.recipe.format == FileFormat::safetensors) return lay_out(output_tensors(plan, checkpoints), &metadata);
  const bool told = plan.recipe.metadata != MetadataPolicy::none;  // a .ckpt need not say that it is torch's
  return lay_out_ckpt(output_tensors(plan, checkpoints), told ? &metadata : nullptr);
}

// The name that a pattern spells, where it is no more than a name; else empty.
std::string plain_name(std::string_view pattern) {
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  if (pattern.ends_with('$')) pattern.remove_suffix(1);
  std::string name;
  for (const char c : pattern) {
    if (std::string_view("[](){}*+?|^$").find(c) != std::string_view::npos) return "";
    if (c != '\\') name += c;
  }
  return name;
}

std::string unmatched_sentence(const NamePattern& pattern, std::span<const Checkpoint> checkpoints) {
  const std::string name = plain_name(pattern.text());
  NearestName nearest(name);
  if (name.size() > 2)  // a shorter one is near everything
    for (const Checkpoint& checkpoint : checkpoints)
      for (size_t i = 0; i < checkpoint.tensors.size(); ++i) nearest.offer(checkpoint.tensors[i].name);
  return "the " + pattern.where() + " pattern '" + pattern.text() + "' matches no tensor name" +
         (nearest.found().empty() ? "" : "; did you mean '" + nearest.found() + "'?");
}

class Planner {
 public:
  Planner(const Recipe& recipe, std::span<const Checkpoint> checkpoints) : checkpoints_(checkpoints) {
    plan_.recipe = recipe;
    plan_.coefficients = resolve_coefficients(recipe, checkpoints.size());
  }

  Plan run() {
    const std::span<const Checkpoint> merged = checkpoints_.first(merged_inputs(plan_.recipe, checkpoints_.size()));
    MergePrograms programs(*find_method(plan_.recipe.method), merged.size(), plan_.coefficients);
    StepPlanner steps(plan_, programs, checkpoints_);
    Selection selection(plan_.recipe);
    Substitutes substitutes(plan_.recipe, checkpoints_);
    const TensorTable& first = checkpoints_[0].tensors;
    plan_.steps.reserve(first.size());
    plan_.sources.reserve(first.size() * checkpoints_.size());
    const bool composed = !plan_.recipe.roles.empty();
    for (NameWalk walk(composed ? checkpoints_ : merged); walk.advance();)
      plan_name(walk, selection.place(walk.name()), substitutes, steps);
    if (!composed) check_common_names(merged);
    report_faults(selection, steps.faults());
    substitutes.finish(plan_);
    plan_.programs = programs.take();
    plan_.in_turn = reads_in_turn(plan_);
    check_constants();
    check_torch_dtypes(plan_, checkpoints_);
    lay_out_steps();
    warn();
    return std::move(plan_);
  }

 private:
  void plan_name(const NameWalk& walk, Selection::Place place, Substitutes& substitutes, StepPlanner& steps) {
    const std::span<const uint32_t> rows = walk.rows();
    const auto present = [](uint32_t row) { return row != NameWalk::kAbsent; };
    const auto holder = std::ranges::find_if(rows, present);
    const auto k = static_cast<uint32_t>(holder - rows.begin());
    const bool everywhere = std::ranges::all_of(rows, present);
    common_names_ += everywhere;
    if (place == Selection::Place::discarded) return plan_.discarded.push_back({k, *holder});
    if (!plan_.recipe.roles.empty()) return steps.add_only(rows);
    if (k == 0)
      if (const auto found = substitutes.find(walk.name(), *holder)) return steps.add_substitute(rows[0], *found);
    if (place == Selection::Place::outside && k != 0) return plan_.dropped.push_back({k, *holder});
    if (place == Selection::Place::outside) return steps.add_outside(rows[0]);
    if (k != 0) return steps.add_extra(rows);
    everywhere ? steps.add_common(rows) : steps.add_missing(rows);
  }

  void check_common_names(std::span<const Checkpoint> merged) const {
    if (merged.size() == 1 || common_names_ > 0) return;
    for (const Checkpoint& checkpoint : merged)
      if (checkpoint.tensors.size() == 0)
        throw Error(ErrorCode::mismatch, checkpoint.path,
                    checkpoint.path + ": has no tensors; there is nothing to merge");
    std::vector<std::string> hints;
    for (size_t k = 1; k < merged.size(); ++k) {
      std::string hint = prefix_hint(merged[0].tensors, merged[0].path, merged[k].tensors, merged[k].path);
      if (!hint.empty()) hints.push_back(std::move(hint));
    }
    throw Error(ErrorCode::mismatch, "",
                hints.empty() ? "the checkpoints have no tensor name in common; they are of different kinds"
                              : "the checkpoints have no tensor name in common; rename tensors so that they match",
                hints);
  }

  // Patterns are the recipe's, so they come first; what does not fit is told with them.
  void report_faults(const Selection& selection, const std::vector<std::string>& faults) {
    std::vector<std::string> lines;
    for (const NamePattern* pattern : selection.unmatched())
      lines.push_back(unmatched_sentence(*pattern, checkpoints_));
    selection.check_parts();
    const size_t unmatched = lines.size();
    lines.insert(lines.end(), faults.begin(), faults.end());
    const std::string misfit =
        "the checkpoints do not fit together: " + tensor_count(faults.size()) + " cannot be merged";
    if (unmatched == 1 && faults.empty()) throw Error(ErrorCode::usage, "pattern", lines[0]);
    if (unmatched > 0)
      throw Error(ErrorCode::usage, "pattern",
                  (unmatched == 1 ? "a pattern matches" : std::to_string(unmatched) + " patterns match") +
                      std::string(" no tensor name") + (faults.empty() ? "" : ", and " + misfit),
                  lines);
    if (!faults.empty()) throw Error(ErrorCode::mismatch, "", misfit, faults);
  }

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
    const std::vector<InputHash> hashes = plan_.recipe.hash ? stand_ins(checkpoints_.size()) : std::vector<InputHash>();
    const Metadata metadata = output_metadata(plan_.recipe, checkpoints_, plan_.kind, hashes);
    OutputLayout layout = lay_out_form(plan_, checkpoints_, metadata);
    std::vector<Step> in_order;
    in_order.reserve(plan_.steps.size());
    for (const uint32_t index : layout.order) {
      in_order.push_back(plan_.steps[index]);
      in_order.back().offset = layout.offsets[index];
    }
    plan_.steps = std::move(in_order);
    plan_.header = std::move(layout.header);
    plan_.frame = std::move(layout.frame);
    plan_.file_size = layout.file_size;
  }

  void warn() {
    warn_about_same_files();
    const auto from_first = [&](const Step& step) {
      return step.program == Step::kCopy && step.expansion == Step::kWhole && plan_.source(step).checkpoint == 0;
    };
    if (plan_.steps.empty())
      plan_.warnings.push_back("the output has no tensors");
    else if (checkpoints_.size() > 1 && std::ranges::all_of(plan_.steps, from_first))
      plan_.warnings.push_back("nothing is merged: every tensor of the output is that of " + checkpoints_[0].path);
    if (plan_.recipe.dtype) warn_about_opaque();
    warn_about_torch_dtypes(plan_);
  }

  void warn_about_same_files() {
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
      plan_.warnings.push_back(tensor_count(static_cast<size_t>(opaque)) +
                               (opaque == 1 ? " keeps its dtype" : " keep their dtypes") +
                               ", for which no conversion is defined");
  }

  std::span<const Checkpoint> checkpoints_;
  Plan plan_;
  size_t common_names_ = 0;
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

uint64_t Plan::memory() const {
  return steps.capacity() * sizeof(Step) +
         (sources.capacity() + kept.capacity() + dropped.capacity() + left_out.capacity() + discarded.capacity() +
          unshadowed.capacity() + unused.capacity()) *
             sizeof(Source) +
         header.capacity() + (frame ? frame->memory() : 0);
}

std::span<const StatisticSpec> statistics(const Plan& plan) {
  if (std::ranges::none_of(plan.programs, &Program::has_slots)) return {};
  return find_method(plan.recipe.method)->statistics;
}

std::string header_with_hashes(const Plan& plan, std::span<const Checkpoint> checkpoints,
                               std::span<const InputHash> hashes) {
  Metadata metadata = output_metadata(plan.recipe, checkpoints, plan.kind, hashes);
  if (!plan.frame) return lay_out(output_tensors(plan, checkpoints), &metadata, plan.header.size()).header;
  const std::string header = lay_out_form(plan, checkpoints, metadata).header;
  if (header.size() == plan.header.size()) return header;
  pad_metadata(metadata, plan.header.size() - header.size());
  return lay_out_form(plan, checkpoints, metadata).header;
}

Plan make_plan(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  if (checkpoints.empty()) throw Error(ErrorCode::usage, "", "no checkpoint was given");
  return Planner(recipe, checkpoints).run();
}

}  // namespace ckmerge
