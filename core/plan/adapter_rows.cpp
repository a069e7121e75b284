// SPDX-License-Identifier: Apache-2.0
// The rows, and the steps that they are in.
#include "core/plan/adapter_rows.h"

#include <algorithm>

#include "core/plan/shape_fit.h"
#include "core/plan/step_planner.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kExamples = 3;

// Of the first checkpoint's, or of what the same adapter has in its place: a vocabulary that grew.
bool is_of_shape(const Checkpoint& adapter, uint32_t row, Shape own) {
  const TensorTable& tensors = adapter.tensors;
  if (std::ranges::equal(tensors[row].shape, own)) return true;
  return std::ranges::any_of(adapter.replacing, [&](uint32_t whole) {
    return tensors.name(whole) == tensors.name(row) && std::ranges::equal(tensors[whole].shape, tensors[row].shape);
  });
}

}  // namespace

AdapterRows::AdapterRows(const Recipe& recipe, std::span<const Checkpoint> checkpoints)
    : checkpoints_(checkpoints),
      first_(first_adapter(recipe, checkpoints.size())),
      rows_(recipe.adapters.size()),
      adding_(recipe.adapters.size()) {
  for (const Checkpoint& adapter : checkpoints.subspan(first_)) used_.emplace_back(adapter.tensors.size());
}

void AdapterRows::find(std::string_view name) {
  replacing_.reset();
  any_adds_ = false;
  for (size_t i = 0; i < adding_.size(); ++i) {
    adding_[i] = false;
    const TensorTable& tensors = checkpoints_[first_ + i].tensors;
    // What it adds to a tensor that it has whole is of the same name.
    for (size_t row = tensors.find(name); row < tensors.size() && tensors.name(row) == name; ++row)
      take(i, static_cast<uint32_t>(row), name);
  }
}

void AdapterRows::take(size_t i, uint32_t row, std::string_view name) {
  const Checkpoint& adapter = checkpoints_[first_ + i];
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::mismatch, std::string(name), sentence(adapter.path, ": ", name, ": ", what));
  };
  const size_t own = checkpoints_[0].tensors.find(name);
  if (own == TensorTable::npos) return;
  const bool adds = !std::ranges::binary_search(adapter.replacing, row);
  if (adds && !is_of_shape(adapter, row, checkpoints_[0].tensors[own].shape))
    refuse(sentence("is ", to_text(adapter.tensors[row].shape), ", and ", to_text(checkpoints_[0].tensors[own].shape),
                    " in ", checkpoints_[0].path));
  if (adds) {
    rows_[i] = row;
    adding_[i] = any_adds_ = true;
    return;
  }
  if (replacing_)
    refuse(sentence("is whole in ", checkpoints_[replacing_->checkpoint].path,
                    ", too, and only one of both can take the place of that of ", checkpoints_[0].path));
  replacing_ = Source{static_cast<uint32_t>(first_ + i), row};
}

void AdapterRows::finish(Plan& plan) const {
  for (size_t i = 0; i < used_.size(); ++i) {
    const Checkpoint& adapter = checkpoints_[first_ + i];
    size_t all = 0, used = 0, named = 0;
    std::string examples;
    for (uint32_t row = 0; row < used_[i].size(); ++row) {
      if (row > 0 && adapter.tensors.name(row) == adapter.tensors.name(row - 1)) continue;  // whole, and added to
      ++all;
      used += used_[i][row] ? 1 : 0;
      if (used_[i][row]) continue;
      plan.unadapted.push_back({static_cast<uint32_t>(first_ + i), row});
      if (named++ < kExamples) examples += sentence(named > 1 ? ", " : "", adapter.tensors[row].name);
    }
    plan.adapted.push_back(used);
    if (used < all)
      plan.warnings.push_back(
          sentence(adapter.path, ": ", counted(all - used, "tensor"), " of ", all, " that it would change ",
                   all - used == 1 ? "stays as it is" : "stay as they are",
                   " or is left out, outside of what is merged: ", examples, named > kExamples ? ", ..." : ""));
  }
}

// ---- steps

// `base` with what adapters add to it: of a tensor that the formula says nothing of.
void StepPlanner::add_adapted(Source named, Source base, Action action) {
  const Tensor tensor = tensor_of(named);
  const bool is_replaced = base.checkpoint != 0;
  if (is_replaced && !adapters_.any_adds()) return add_replaced(named, base);
  if (!is_replaced && is_copied_buffer(named)) return add_single(named, named, action);
  if (!can_adapt(tensor, "has integers")) return;
  if (is_replaced) adapters_.note_replaced();
  if (!adapters_.any_adds()) return add_single(named, base, action);
  for (uint32_t k = 0; k < dtypes_.size(); ++k)
    if (adapters_.adds(k) && !std::ranges::equal(tensor_of(adapters_.source(k)).shape, tensor_of(base).shape))
      return fault(std::string(tensor.name) + ": is " + to_text(tensor_of(base).shape) + " in " +
                   path_of(base.checkpoint) + ", and what an adapter adds is for " +
                   to_text(tensor_of(adapters_.source(k)).shape));
  std::ranges::fill(dtypes_, Dtype::F32);
  dtypes_[0] = tensor_of(base).dtype;
  programs_.take_adapters(adapters_.adding());
  programs_.take_name(tensor.name, programs_.kept_result());
  const MergeProgram& merge = programs_.for_dtypes(dtypes_);
  if (!merge.program) return add_single(named, base, action);
  for (const uint32_t k : merge.operands) steps_.take(k == 0 ? base : adapter_source(k));
  const bool is_grown = !std::ranges::equal(tensor.shape, tensor_of(base).shape);
  steps_.add({.named = is_grown ? base : named,
              .program = *merge.program,
              .action = Action::adapt,
              .dtype = stored_as(tensor, is_real(tensor.dtype) ? tensor.dtype : Dtype::F32)});
}

// In its own dtype, as everything that adapters change; a vocabulary that grew has the shape of the adapter's.
void StepPlanner::add_replaced(Source named, Source whole) {
  if (is_mended(tensor_of(named))) return add_counted(named);
  adapters_.note_replaced();
  const Dtype from = tensor_of(whole).dtype, to = output_dtype(named, Action::replace);
  if (from != to && !can_convert(tensor_of(named), whole, to)) return;
  steps_.take(whole);
  steps_.add({.named = whole, .program = copy_or_convert(from, to), .action = Action::replace, .dtype = to});
}

bool StepPlanner::can_adapt(const Tensor& tensor, const char* what) {
  if (!adapters_.any() || is_real(tensor.dtype)) return true;
  fault(std::string(tensor.name) + ": " + what + " in " + path_of(0) + " (" + info(tensor.dtype).name +
        "), to which no adapter can add anything; take a checkpoint of floats");
  return false;
}

Source StepPlanner::adapter_source(uint32_t k) {
  adapters_.note_added(k);
  return adapters_.source(k);
}

// ---- steps of whole tensors that were made

void StepPlanner::take_whole_dtypes(std::string_view name) {
  for (auto k = static_cast<uint32_t>(first_whole_); k < checkpoints_.size(); ++k) {
    const Source source = whole_source(k, name);
    if (checkpoints_[k].tensors.find(name) != TensorTable::npos) dtypes_[k] = tensor_of(source).dtype;
  }
}

// What is made wants the same numbers of all inputs, in the same places: of channels that only the first checkpoint has
// it is of the others' where it can be, and of those that count as zero elsewhere it has nothing.
bool StepPlanner::has_whole(const Tensor& tensor, const MergeProgram& merge, bool is_narrow) {
  const bool as_zero = is_narrow && plan_.recipe.expand == ExpandPolicy::zero;
  const auto lacks = [&](uint32_t k) {
    if (k < first_whole_) return false;
    const TensorTable &made = checkpoints_[k].tensors, &others = checkpoints_[is_narrow ? 1 : 0].tensors;
    const size_t row = made.find(tensor.name);
    return as_zero || row == TensorTable::npos ||
           (is_narrow && !std::ranges::equal(made[row].shape, others[others.find(tensor.name)].shape));
  };
  const auto lacking = std::ranges::find_if(merge.operands, lacks);
  if (lacking == merge.operands.end()) return true;
  fault(sentence(tensor.name, ": there is no ", path_of(*lacking),
                 ": all inputs must have it in floats and in one shape for that; --exclude it, which copies the first "
                 "checkpoint's"));
  return false;
}

// Nothing else is done to it; it is stored through a program, which looks for NaN and Inf.
void StepPlanner::add_whole(std::span<const uint32_t> rows, uint32_t k) {
  const Source named{0, rows[0]}, source = whole_source(k, tensor_of(named).name);
  steps_.take(source);
  steps_.add({.named = named,
              .program = programs_.conversion(tensor_of(source).dtype),
              .action = Action::merge,
              .dtype = output_dtype(named, Action::merge)});
}

}  // namespace ckmerge
