// SPDX-License-Identifier: Apache-2.0
// Planning walks the sorted tables of all checkpoints side by side, once, so its cost is linear in their names. Faults
// are collected on the way and thrown together.
#include "core/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/merge_program.h"
#include "core/name_hint.h"
#include "io/error.h"
#include "io/output_layout.h"

namespace ckmerge {
namespace {

constexpr uint32_t kAbsent = UINT32_MAX;

std::string to_text(Shape shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

bool is_position_ids(std::string_view name) {
  constexpr std::string_view kName = "position_ids";
  return name == kName || name.ends_with(std::string(".") + std::string(kName));
}

class Planner {
 public:
  Planner(const Recipe& recipe, std::span<const Checkpoint> checkpoints)
      : checkpoints_(checkpoints),
        cursors_(checkpoints.size(), 0),
        rows_(checkpoints.size(), kAbsent),
        dtypes_(checkpoints.size(), Dtype::F32) {
    plan_.recipe = recipe;
    plan_.coefficients = resolve_coefficients(recipe, checkpoints.size());
  }

  Plan run() {
    MergePrograms programs(*find_method(plan_.recipe.method), checkpoints_.size(), plan_.coefficients);
    programs_ = &programs;
    const TensorTable& first = checkpoints_[0].tensors;
    plan_.steps.reserve(first.size());
    plan_.sources.reserve(first.size() * checkpoints_.size());
    for (uint32_t row = 0; row < first.size(); ++row) plan_tensor(row);
    for (size_t k = 1; k < checkpoints_.size(); ++k) drop_until(k, checkpoints_[k].tensors.size());
    check_common_names();
    report_faults();
    plan_.programs = programs.take();
    check_constants();
    lay_out_steps();
    warn();
    return std::move(plan_);
  }

 private:
  // ---- matching names

  void plan_tensor(uint32_t row) {
    const Tensor tensor = checkpoints_[0].tensors[row];
    rows_[0] = row;
    dtypes_[0] = tensor.dtype;
    bool everywhere = true;
    for (size_t k = 1; k < checkpoints_.size(); ++k) {
      advance(k, tensor.name);
      everywhere &= rows_[k] != kAbsent;
    }
    if (!everywhere) {
      plan_.kept.push_back({0, row});
      return add_single(tensor, {0, row}, Action::keep);
    }
    ++common_names_;
    if (same_shapes(tensor)) plan_common(tensor);
  }

  // Moves checkpoint k's cursor to `name`; names passed on the way are in k only.
  void advance(size_t k, std::string_view name) {
    const TensorTable& table = checkpoints_[k].tensors;
    size_t at = cursors_[k];
    while (at < table.size() && table[at].name < name) ++at;
    drop_until(k, at);
    const bool found = at < table.size() && table[at].name == name;
    rows_[k] = found ? static_cast<uint32_t>(at) : kAbsent;
    if (!found) return;
    dtypes_[k] = table[at].dtype;
    ++cursors_[k];
  }

  void drop_until(size_t k, size_t end) {
    for (; cursors_[k] < end; ++cursors_[k]) {
      const std::string_view name = checkpoints_[k].tensors[cursors_[k]].name;
      bool known = false;  // an earlier checkpoint has it too, and has been counted
      for (size_t earlier = 1; earlier < k && !known; ++earlier)
        known = checkpoints_[earlier].tensors.find(name) != TensorTable::npos;
      if (!known) plan_.dropped.push_back({static_cast<uint32_t>(k), static_cast<uint32_t>(cursors_[k])});
    }
  }

  Tensor tensor_of(size_t k) const { return checkpoints_[k].tensors[rows_[k]]; }

  // ---- deciding what a tensor that all have becomes

  bool same_shapes(const Tensor& tensor) {
    std::string others;
    for (size_t k = 1; k < checkpoints_.size(); ++k) {
      const Shape shape = tensor_of(k).shape;
      if (!std::ranges::equal(shape, tensor.shape)) others += ", " + to_text(shape) + " in " + checkpoints_[k].path;
    }
    if (others.empty()) return true;
    faults_.push_back(std::string(tensor.name) + ": " + to_text(tensor.shape) + " in " + checkpoints_[0].path + others);
    return false;
  }

  void plan_common(const Tensor& tensor) {
    if (is_position_ids(tensor.name)) return add_compared(tensor, Action::copy_positions);
    if (info(tensor.dtype).kind == DtypeKind::integer) return add_compared(tensor, Action::copy_integer);
    const MergeProgram& merge = programs_->for_dtypes(dtypes_);
    if (!merge.program) {
      const uint32_t k = merge.operands[0];
      return add_single(tensor, {k, rows_[k]}, Action::copy);
    }
    if (!has_arithmetic(tensor, merge)) return;
    Step step{.program = *merge.program, .action = Action::merge, .dtype = output_dtype(tensor)};
    for (const uint32_t k : merge.operands) plan_.sources.push_back({k, rows_[k]});
    if (merge.operands.empty()) plan_.sources.push_back({0, rows_[0]});  // a sum of nothing; it keeps its name
    add_step(tensor, step);
  }

  bool has_arithmetic(const Tensor& tensor, const MergeProgram& merge) {
    for (size_t k = 0; k < checkpoints_.size(); ++k) {
      const bool used = k == 0 || std::ranges::find(merge.operands, k) != merge.operands.end();
      if (!used || is_real(dtypes_[k])) continue;
      const DtypeInfo& dtype = info(dtypes_[k]);
      faults_.push_back(std::string(tensor.name) + ": is " + dtype.name + " in " + checkpoints_[k].path +
                        ", which has no arithmetic: " + (dtype.reason ? dtype.reason : "integers are never averaged"));
      return false;
    }
    return true;
  }

  Dtype output_dtype(const Tensor& tensor) const {
    return is_real(tensor.dtype) ? plan_.recipe.dtype.value_or(tensor.dtype) : tensor.dtype;
  }

  // ---- adding steps

  // One tensor as it is, or in another dtype. `named` is the first checkpoint's tensor, which decides the dtype.
  void add_single(const Tensor& named, Source source, Action action) {
    const Dtype from = checkpoints_[source.checkpoint].tensors[source.tensor].dtype;
    const Dtype to = is_position_ids(named.name) ? named.dtype : output_dtype(named);
    Step step{.program = Step::kCopy, .action = action, .dtype = to};
    if (from != to) {
      if (!can_convert(named, source, from, to)) return;
      step.program = programs_->conversion(from);
      if (action == Action::copy) step.action = Action::convert;
    }
    if (info(from).kind == DtypeKind::integer && action == Action::copy) step.action = Action::copy_integer;
    plan_.sources.push_back(source);
    add_step(named, step);
  }

  bool can_convert(const Tensor& named, Source source, Dtype from, Dtype to) {
    if (is_real(from) && is_real(to)) return true;
    faults_.push_back(std::string(named.name) + ": is " + info(from).name + " in " +
                      checkpoints_[source.checkpoint].path + " and cannot be converted to " + info(to).name);
    return false;
  }

  void add_compared(const Tensor& tensor, Action action) {
    for (uint32_t k = 0; k < checkpoints_.size(); ++k) plan_.sources.push_back({k, rows_[k]});
    add_step(tensor, {.program = Step::kCopy, .action = action, .dtype = tensor.dtype});
  }

  // Takes the sources pushed since the last step.
  void add_step(const Tensor& tensor, Step step) {
    step.first_source = sources_taken_;
    step.source_count = static_cast<uint32_t>(plan_.sources.size()) - sources_taken_;
    step.size = step.dtype == tensor.dtype ? tensor.size : tensor.count * element_size(step.dtype);
    sources_taken_ = static_cast<uint32_t>(plan_.sources.size());
    for (uint32_t s = step.first_source; s < sources_taken_; ++s) {
      const Source source = plan_.sources[s];
      plan_.bytes_to_read += checkpoints_[source.checkpoint].tensors[source.tensor].size;
    }
    plan_.steps.push_back(step);
  }

  // ---- the whole

  void check_common_names() const {
    if (checkpoints_.size() == 1 || common_names_ > 0) return;
    for (const Checkpoint& checkpoint : checkpoints_)
      if (checkpoint.tensors.size() == 0)
        throw Error(ErrorCode::mismatch, checkpoint.path,
                    checkpoint.path + ": has no tensors; there is nothing to merge");
    std::vector<std::string> hints;
    for (size_t k = 1; k < checkpoints_.size(); ++k) {
      std::string hint =
          prefix_hint(checkpoints_[0].tensors, checkpoints_[0].path, checkpoints_[k].tensors, checkpoints_[k].path);
      if (!hint.empty()) hints.push_back(std::move(hint));
    }
    throw Error(ErrorCode::mismatch, "",
                hints.empty() ? "the checkpoints have no tensor name in common; they are of different kinds"
                              : "the checkpoints have no tensor name in common; rename tensors so that they match",
                hints);
  }

  void report_faults() {
    if (faults_.empty()) return;
    const std::string count = std::to_string(faults_.size()) + (faults_.size() == 1 ? " tensor" : " tensors");
    throw Error(ErrorCode::mismatch, "", "the checkpoints do not fit together: " + count + " cannot be merged",
                faults_);
  }

  // A constant that overflows in f32 would turn every zero of its tensor into NaN. Tensors that run in f64 keep it.
  void check_constants() const {
    const auto overflows = [&](const Step& step) {
      if (step.program == Step::kCopy || plan_.programs[step.program].compute == Dtype::F64) return false;
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
    std::vector<OutputTensor> tensors;
    tensors.reserve(plan_.steps.size());
    for (const Step& step : plan_.steps) {
      const Source source = plan_.source(step);
      const Tensor tensor = checkpoints_[source.checkpoint].tensors[source.tensor];
      tensors.push_back({tensor.name, step.dtype, tensor.shape, step.size});
    }
    const Metadata metadata = {{"format", "pt"}};
    OutputLayout layout = lay_out(tensors, &metadata);
    std::vector<Step> in_order;
    in_order.reserve(plan_.steps.size());
    for (const uint32_t index : layout.order) {
      in_order.push_back(plan_.steps[index]);
      in_order.back().offset = layout.offsets[index];
    }
    plan_.steps = std::move(in_order);
    plan_.header = std::move(layout.header);
    plan_.file_size = layout.file_size;
  }

  void warn() {
    warn_about_same_files();
    const auto from_first = [&](const Step& step) {
      return step.program == Step::kCopy && plan_.source(step).checkpoint == 0;
    };
    if (checkpoints_.size() > 1 && std::ranges::all_of(plan_.steps, from_first))
      plan_.warnings.push_back("nothing is merged: every tensor of the output is that of " + checkpoints_[0].path);
    if (plan_.recipe.dtype) warn_about_opaque();
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
      plan_.warnings.push_back(std::to_string(opaque) +
                               " tensors keep their dtype, because no conversion is defined for it");
  }

  std::span<const Checkpoint> checkpoints_;
  MergePrograms* programs_ = nullptr;
  Plan plan_;
  std::vector<size_t> cursors_;  // per checkpoint: rows before it are matched or dropped
  std::vector<uint32_t> rows_;   // per checkpoint: the row of the tensor being planned
  std::vector<Dtype> dtypes_;    // per checkpoint: its dtype
  std::vector<std::string> faults_;
  uint32_t sources_taken_ = 0;
  size_t common_names_ = 0;
};

}  // namespace

const char* name(Action action) {
  constexpr const char* kNames[kActionCount] = {"merge", "convert", "copy", "copy_integer", "copy_positions",
                                                "keep",  "outside", "zero", "add",          "expand"};
  return kNames[static_cast<size_t>(action)];
}

uint64_t Plan::count(Action action) const {
  return static_cast<uint64_t>(std::ranges::count(steps, action, &Step::action));
}

uint64_t Plan::memory() const {
  return steps.capacity() * sizeof(Step) +
         (sources.capacity() + kept.capacity() + dropped.capacity()) * sizeof(Source) + header.capacity();
}

Plan make_plan(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  if (checkpoints.empty()) throw Error(ErrorCode::usage, "", "no checkpoint was given");
  return Planner(recipe, checkpoints).run();
}

}  // namespace ckmerge
