// SPDX-License-Identifier: Apache-2.0
// What becomes of one tensor: the decisions of a plan, name by name. Faults are collected, because all of them are
// reported together (invariant I1).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/adapter_rows.h"
#include "core/plan/merge_program.h"
#include "core/plan/plan.h"
#include "core/plan/replacements.h"
#include "core/plan/rule_choices.h"
#include "core/plan/selection.h"
#include "core/plan/shape_fit.h"
#include "core/plan/step_list.h"
#include "core/recipe/dtype_rules.h"

namespace ckmerge {

/// Adds steps to `plan`, in any order. `checkpoints`: the inputs, and behind them what is made of their whole tensors.
/// `rows` are those of one name: its row in each checkpoint, or NameWalk::kAbsent.
class StepPlanner {
 public:
  StepPlanner(Plan& plan, MergePrograms& programs, std::span<const Checkpoint> checkpoints, const Selection& selection,
              AdapterRows& adapters)
      : plan_(plan),
        steps_(plan, checkpoints),
        programs_(programs),
        checkpoints_(checkpoints),
        selection_(selection),
        adapters_(adapters),
        first_whole_(given_checkpoints(checkpoints).size()),
        dtype_rules_(plan.recipe.dtype_rules),
        dtypes_(checkpoints.size()) {}

  /// What the recipe's rules say of the name that comes next.
  void take_choice(const RuleChoice& choice, std::string_view name) {
    choice_ = choice;
    adapters_.find(name);
  }
  /// The same, and what was done of it.
  const RuleChoice& choice() const { return choice_; }

  /// A name that every checkpoint has.
  void add_common(std::span<const uint32_t> rows);
  /// A name of the first checkpoint that another lacks.
  void add_missing(std::span<const uint32_t> rows);
  /// A name that the first checkpoint lacks.
  void add_extra(std::span<const uint32_t> rows);
  /// A name of the first checkpoint that the merge is not about.
  void add_outside(uint32_t row) { add_single({0, row}, {0, row}, Action::outside); }

  /// The name of the first checkpoint's `row`, under which something else is stored.
  void add_replacement(uint32_t row, const Replacement& replacement);
  /// A tensor of a module of codes: the first checkpoint's stays as it is stored, or of checkpoints that are put
  /// together the only one. One that the first lacks would stand beside layers that it does not describe: a fault.
  void add_codes(std::span<const uint32_t> rows);
  /// A name of checkpoints that are put together: one of them has it, or it is a fault.
  void add_only(std::span<const uint32_t> rows);

  /// A sentence of the integers that are A's because their shapes differ, where there are any.
  std::vector<std::string> warnings() const { return other_shape_warnings(other_shapes_); }

  /// Throws Error(usage) where something is said of the dtypes of names that no float tensor has.
  void expect_dtypes_used() const { dtype_rules_.expect_matched(); }

  const std::vector<std::string>& faults() const { return faults_; }
  /// A sentence of unlike vocabularies, where all faults come from them.
  std::string vocabulary_fault() const { return vocabulary_misfits_ == faults_.size() ? vocabulary_fault_ : ""; }

 private:
  Tensor tensor_of(Source source) const { return checkpoints_[source.checkpoint].tensors[source.tensor]; }
  const std::string& path_of(size_t k) const { return checkpoints_[k].path; }
  void fault(const std::string& sentence) { faults_.push_back(sentence); }
  void add_misfit(std::span<const uint32_t> rows, const ShapeFit& fit);
  bool add_chosen(std::span<const uint32_t> rows);
  void add_adapted(Source named, Source base, Action action);
  void add_replaced(Source named, Source whole);
  bool can_adapt(const Tensor& tensor, const char* what);
  Source adapter_source(uint32_t k);
  Source operand_source(std::span<const uint32_t> rows, uint32_t k) {
    if (k >= first_whole_) return whole_source(k, tensor_of({0, rows[0]}).name);
    return k < rows.size() ? Source{k, rows[k]} : adapter_source(k);
  }
  Source whole_source(uint32_t k, std::string_view name) const {
    return {k, static_cast<uint32_t>(checkpoints_[k].tensors.find(name))};
  }
  void take_whole_dtypes(std::string_view name);
  bool has_whole(const Tensor& tensor, const MergeProgram& merge, bool is_narrow);
  void add_whole(std::span<const uint32_t> rows, uint32_t k);
  bool has_arithmetic(std::span<const uint32_t> rows, const MergeProgram& merge);
  Dtype output_dtype(Source named, Action action);
  Dtype stored_as(const Tensor& named, Dtype from);
  bool is_copied_buffer(Source source) const;
  bool is_mended(const Tensor& tensor) const;
  bool can_convert(const Tensor& named, Source source, Dtype to);
  void add_compared(std::span<const uint32_t> rows, Action action);
  void add_buffer(std::span<const uint32_t> rows);
  void add_counted(Source named);
  void add_as_stored(Source source, Action action);
  void add_other_shape(std::span<const uint32_t> rows);
  bool add_opaque(std::span<const uint32_t> rows, const MergeProgram& merge);
  void add_merged(std::span<const uint32_t> rows, const MergeProgram& merge);
  void add_single(Source named, Source source, Action action);
  void add_zero(Source named);
  void add_expanded(std::span<const uint32_t> rows, const ShapeFit& fit, const MergeProgram& head);
  uint16_t copy_or_convert(Dtype from, Dtype to) { return from == to ? Step::kCopy : programs_.conversion(from); }
  uint16_t tail_of(const Tensor& first, Dtype to);

  Plan& plan_;
  StepList steps_;
  MergePrograms& programs_;
  std::span<const Checkpoint> checkpoints_;
  const Selection& selection_;
  AdapterRows& adapters_;
  const size_t first_whole_;  // of what is made of whole tensors
  DtypeRules dtype_rules_;
  RuleChoice choice_;
  std::vector<Dtype> dtypes_;  // per checkpoint: that of the tensor being planned
  std::vector<std::string> faults_;
  size_t vocabulary_misfits_ = 0;  // of the faults
  std::string vocabulary_fault_;
  std::vector<std::string> other_shapes_;  // of integers: shapes_text() each
};

}  // namespace ckmerge
