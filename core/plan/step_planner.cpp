// SPDX-License-Identifier: Apache-2.0
#include "core/plan/step_planner.h"

#include <algorithm>

#include "core/names/model_buffers.h"
#include "core/plan/name_walk.h"
#include "core/vocabulary/vocabulary_tensors.h"
#include "io/table/code_rows.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

// ---- the decisions

void StepPlanner::add_common(std::span<const uint32_t> rows) {
  const Tensor first = tensor_of({0, rows[0]});
  for (uint32_t k = 0; k < rows.size(); ++k) dtypes_[k] = tensor_of({k, rows[k]}).dtype;
  if (add_chosen(rows)) return;
  const std::optional<Source>& whole = adapters_.replacing();
  if (is_copied_buffer({0, rows[0]})) return whole ? add_replaced({0, rows[0]}, *whole) : add_buffer(rows);
  const ShapeFit fit = fit_shapes(checkpoints_, rows, selection_);
  if (fit.kind == ShapeFit::Kind::none) return add_misfit(rows, fit);
  if (whole) return add_adapted({0, rows[0]}, *whole, Action::replace);
  if (!can_adapt(first, "has integers")) return;
  if (fit.kind == ShapeFit::Kind::integers) return add_other_shape(rows);
  if (info(first.dtype).kind == DtypeKind::integer) return add_compared(rows, Action::copy_integer);
  for (uint32_t k = static_cast<uint32_t>(rows.size()); k < dtypes_.size(); ++k) dtypes_[k] = Dtype::F32;
  take_whole_dtypes(first.name);
  programs_.take_adapters(adapters_.adding());
  programs_.take_name(first.name, choice_.result);
  choice_.is_computed = true;
  const MergeProgram& merge = programs_.for_dtypes(dtypes_);
  if (!has_whole(first, merge, fit.kind == ShapeFit::Kind::narrow)) return;
  if (fit.kind == ShapeFit::Kind::narrow) return add_expanded(rows, fit, merge);
  if (!merge.program && merge.operands[0] >= first_whole_) return add_whole(rows, merge.operands[0]);
  if (!merge.program) return add_single({0, rows[0]}, {merge.operands[0], rows[merge.operands[0]]}, Action::copy);
  add_merged(rows, merge);
}

// A copy is of integers and buffers too, which no formula merges.
bool StepPlanner::add_chosen(std::span<const uint32_t> rows) {
  if (!choice_.copy) return false;
  const Source first{0, rows[0]};
  if (is_mended(tensor_of(first))) return false;
  programs_.take_name(tensor_of(first).name, choice_.result);
  const std::optional<uint32_t> k = programs_.bare_input();
  if (!k) return false;
  const Source source{*k, rows[*k]};
  if (!std::ranges::equal(tensor_of(source).shape, tensor_of(first).shape)) return false;
  choice_.is_computed = true;
  add_single(first, source, Action::copy);
  return true;
}

void StepPlanner::add_missing(std::span<const uint32_t> rows) {
  const Source first{0, rows[0]};
  const bool buffer = plan_.recipe.missing == MissingPolicy::zero && is_copied_buffer(first);
  switch (buffer ? MissingPolicy::keep : plan_.recipe.missing) {
    case MissingPolicy::keep:
      plan_.kept.push_back(first);
      return adapters_.any() ? add_adapted(first, adapters_.replacing().value_or(first), Action::keep)
                             : add_single(first, first, Action::keep);
    case MissingPolicy::zero: return add_zero(first);
    case MissingPolicy::drop: plan_.left_out.push_back(first); return;
    case MissingPolicy::error: break;
  }
  std::string others;
  for (size_t k = 1; k < rows.size(); ++k)
    if (rows[k] == NameWalk::kAbsent) others += (others.empty() ? "" : ", ") + path_of(k);
  fault(std::string(tensor_of(first).name) + ": is missing in " + others +
        "; --discard it, or keep A's (--missing keep), zero it or drop it");
}

void StepPlanner::add_extra(std::span<const uint32_t> rows) {
  uint32_t k = 1;
  while (rows[k] == NameWalk::kAbsent) ++k;
  const Source source{k, rows[k]};
  switch (plan_.recipe.extra) {
    case ExtraPolicy::drop: plan_.dropped.push_back(source); return;
    case ExtraPolicy::add: return add_single(source, source, Action::add);
    case ExtraPolicy::error: break;
  }
  fault(std::string(tensor_of(source).name) + ": is in " + path_of(k) + ", but not in " + path_of(0) +
        "; --discard it, or drop it (--extra drop) or add it");
}

void StepPlanner::add_replacement(uint32_t row, const Replacement& replacement) {
  const Tensor first = tensor_of({0, row}), other = tensor_of(replacement.source);
  if (std::ranges::equal(first.shape, other.shape))
    return add_single(replacement.named, replacement.source, replacement.action);
  const std::string which = replacement.action == Action::ema ? "its average" : path_of(replacement.source.checkpoint);
  fault(std::string(first.name) + ": " + to_text(first.shape) + " in " + path_of(0) + ", " + to_text(other.shape) +
        " in " + which);
}

void StepPlanner::add_only(std::span<const uint32_t> rows) {
  uint32_t k = 0;
  while (rows[k] == NameWalk::kAbsent) ++k;
  const Source source{k, rows[k]};
  for (uint32_t other = k + 1; other < rows.size(); ++other)
    if (rows[other] != NameWalk::kAbsent)
      return fault(std::string(tensor_of(source).name) + ": is in " + path_of(k) + " and in " + path_of(other));
  add_single(source, source, is_copied_buffer(source) ? Action::copy_buffer : Action::copy);
}

// Codes of others are compared, because nothing of them is in the result.
void StepPlanner::add_codes(std::span<const uint32_t> rows) {
  uint32_t k = 0;
  while (rows[k] == NameWalk::kAbsent) ++k;
  const Tensor own = tensor_of({k, rows[k]});
  if (adapters_.any())
    return fault(std::string(own.name) + ": lies in a quantized layer of " + path_of(k) +
                 ", to whose codes no adapter can add anything; take the f16, bf16 or f32 original");
  if (k > 0 && plan_.recipe.roles.empty())
    return fault(std::string(own.name) + ": is in a quantized layer of " + path_of(k) + ", but not in " + path_of(0) +
                 ", whose layers are copied; --discard it, or drop it (--extra drop)");
  if (!contains(kCodes, own.dtype)) return add_as_stored({k, rows[k]}, Action::copy_codes);
  for (uint32_t other = k; other < rows.size(); ++other) {
    if (rows[other] == NameWalk::kAbsent) continue;
    const Tensor theirs = tensor_of({other, rows[other]});
    if (theirs.dtype == own.dtype && std::ranges::equal(theirs.shape, own.shape)) steps_.take({other, rows[other]});
  }
  steps_.add({.named = {k, rows[k]}, .program = Step::kCopy, .action = Action::copy_codes, .dtype = own.dtype});
}

// ---- do the checkpoints fit?

void StepPlanner::add_misfit(std::span<const uint32_t> rows, const ShapeFit& fit) {
  fault(fit.fault);
  if (!fit.is_vocabulary) return;
  if (++vocabulary_misfits_ == 1) vocabulary_fault_ = vocabulary_sentence(checkpoints_, rows);
}

bool StepPlanner::has_arithmetic(std::span<const uint32_t> rows, const MergeProgram& merge) {
  for (uint32_t k = 0; k < rows.size(); ++k) {
    const bool used = k == 0 || std::ranges::find(merge.operands, k) != merge.operands.end();
    if (!used || is_real(dtypes_[k])) continue;
    const DtypeInfo& dtype = info(dtypes_[k]);
    fault(std::string(tensor_of({0, rows[0]}).name) + ": is " + dtype.name + " in " + path_of(k) +
          ", which has no arithmetic: " + (dtype.reason ? dtype.reason : "integers are never averaged") +
          "; --exclude it, which copies the first checkpoint's, or --discard it");
    return false;
  }
  return true;
}

bool StepPlanner::can_convert(const Tensor& named, Source source, Dtype to) {
  const Dtype from = tensor_of(source).dtype;
  if (is_real(from) && is_real(to)) return true;
  fault(std::string(named.name) + ": is " + info(from).name + " in " + path_of(source.checkpoint) +
        " and cannot be converted to " + info(to).name);
  return false;
}

// What a merge is not about keeps a buffer's dtype, whatever is said of merging buffers.
Dtype StepPlanner::output_dtype(Source named, Action action) {
  const Tensor tensor = tensor_of(named);
  if (!is_real(tensor.dtype) || is_copied_buffer(named)) return tensor.dtype;
  if (action == Action::outside && buffer_row(checkpoints_[named.checkpoint].tensors, tensor)) return tensor.dtype;
  return stored_as(tensor, tensor.dtype);
}

Dtype StepPlanner::stored_as(const Tensor& named, Dtype from) {
  const auto rule = dtype_rules_.of(named.name);
  choice_.is_stored = choice_.dtype.has_value();
  if (choice_.dtype) return choice_.dtype->dtype.value_or(from);
  if (rule) return rule->dtype.value_or(from);
  return stored_dtype(plan_.recipe, part_in(named.name, plan_.whole_part), from);
}

// Counters are integers like others, but for those that somebody has converted.
bool StepPlanner::is_copied_buffer(Source source) const {
  const Tensor tensor = tensor_of(source);
  if (plan_.recipe.merge_buffers) return is_position_ids(tensor.name);
  const BufferRow* const row = buffer_row(checkpoints_[source.checkpoint].tensors, tensor);
  return row && (row->kind != BufferKind::counter || info(tensor.dtype).kind != DtypeKind::integer);
}

// ---- adding steps; each takes the sources pushed since the last

void StepPlanner::add_compared(std::span<const uint32_t> rows, Action action) {
  for (uint32_t k = 0; k < rows.size(); ++k) steps_.take({k, rows[k]});
  steps_.add({.named = {0, rows[0]}, .program = Step::kCopy, .action = action, .dtype = dtypes_[0]});
}

// One of another shape is not compared: core/plan/buffer_warnings tells of it.
void StepPlanner::add_buffer(std::span<const uint32_t> rows) {
  const Source named{0, rows[0]};
  const Tensor first = tensor_of(named);
  if (is_mended(first)) return add_counted(named);
  for (uint32_t k = 0; k < rows.size(); ++k)
    if (std::ranges::equal(tensor_of({k, rows[k]}).shape, first.shape)) steps_.take({k, rows[k]});
  steps_.add({.named = named,
              .program = Step::kCopy,
              .action = is_position_ids(first.name) ? Action::copy_positions : Action::copy_buffer,
              .dtype = first.dtype});
}

bool StepPlanner::is_mended(const Tensor& tensor) const {
  return plan_.recipe.mend && !tensor.shape.empty() && is_position_ids(tensor.name);
}

void StepPlanner::add_counted(Source named) {
  steps_.add({.named = named, .program = Step::kCount, .action = Action::mend, .dtype = Dtype::I64});
}

void StepPlanner::add_as_stored(Source source, Action action) {
  steps_.take(source);
  steps_.add({.named = source, .program = Step::kCopy, .action = action, .dtype = tensor_of(source).dtype});
}

void StepPlanner::add_other_shape(std::span<const uint32_t> rows) {
  other_shapes_.push_back(shapes_text(checkpoints_, rows));
  add_as_stored({0, rows[0]}, Action::copy_integer);
}

// Complex numbers and their like have no arithmetic here, but need none where all inputs hold the same; whether they
// do is seen when their bytes are read (core/engine/differing_copies.h).
bool StepPlanner::add_opaque(std::span<const uint32_t> rows, const MergeProgram& merge) {
  const auto alike = [&](uint32_t k) { return dtypes_[k] == dtypes_[0]; };
  if (info(dtypes_[0]).kind != DtypeKind::opaque || !std::ranges::all_of(merge.operands, alike)) return false;
  steps_.take({0, rows[0]});
  for (const uint32_t k : merge.operands)
    if (k != 0) steps_.take({k, rows[k]});
  steps_.add({.named = {0, rows[0]}, .program = Step::kCopy, .action = Action::copy_opaque, .dtype = dtypes_[0]});
  return true;
}

void StepPlanner::add_merged(std::span<const uint32_t> rows, const MergeProgram& merge) {
  if (add_opaque(rows, merge)) return;
  if (!has_arithmetic(rows, merge)) return;
  for (const uint32_t k : merge.operands) steps_.take(operand_source(rows, k));
  const auto is_merged = [&](uint32_t k) { return k < rows.size(); };
  const bool adapts = adapters_.any_adds() && std::ranges::count_if(merge.operands, is_merged) == 1;
  steps_.add({.named = {0, rows[0]},
              .program = *merge.program,
              .action = adapts ? Action::adapt : Action::merge,
              .dtype = output_dtype({0, rows[0]}, Action::merge)});
}

// One tensor as it is, or in another dtype.
void StepPlanner::add_single(Source named, Source source, Action action) {
  const Tensor tensor = tensor_of(named);
  if (is_mended(tensor)) return add_counted(named);
  const Dtype from = tensor_of(source).dtype;
  // Averages are kept in more digits than the weights beside them, for a reason.
  const bool own = action == Action::ema && is_real(from) && is_real(tensor.dtype);
  const Dtype to = own ? stored_as(tensor, from) : output_dtype(named, action);
  if (from != to && !can_convert(tensor, source, to)) return;
  if (from != to && action == Action::copy) action = Action::convert;
  if (info(from).kind == DtypeKind::integer && action == Action::copy) action = Action::copy_integer;
  steps_.take(source);
  steps_.add({.named = named, .program = copy_or_convert(from, to), .action = action, .dtype = to});
}

void StepPlanner::add_zero(Source named) {
  const Tensor tensor = tensor_of(named);
  if (tensor.dtype == Dtype::F8_E8M0)
    return fault(std::string(tensor.name) +
                 ": is F8_E8M0, which has no zero; --discard it, or keep it (--missing keep)");
  steps_.add(
      {.named = named, .program = Step::kZero, .action = Action::zero, .dtype = output_dtype(named, Action::zero)});
}

void StepPlanner::add_expanded(std::span<const uint32_t> rows, const ShapeFit& fit, const MergeProgram& head) {
  if (!has_arithmetic(rows, head)) return;
  const Source named{0, rows[0]};
  const Tensor first = tensor_of(named);
  // Whatever is merged of it. A1111 knows no others.
  if (!fit.is_vocabulary && tensor_of({1, rows[1]}).shape[1] == 4) {
    if (first.shape[1] == 9) plan_.kind.inpainting = true;
    if (first.shape[1] == 8) plan_.kind.instruct_pix2pix = true;
  }
  const bool zero = plan_.recipe.expand == ExpandPolicy::zero && !fit.is_vocabulary;
  const Dtype to = output_dtype(named, Action::expand);
  const uint16_t tail = zero ? tail_of(first, to) : copy_or_convert(first.dtype, to);
  const bool only_first = !head.program && head.operands[0] == 0;
  if (only_first && tail == copy_or_convert(first.dtype, to)) return add_single(named, named, Action::copy);
  steps_.take(named);
  for (const uint32_t k : head.operands) steps_.take(operand_source(rows, k));
  steps_.add(
      {.named = named,
       .program = head.program ? *head.program : copy_or_convert(dtypes_[head.operands[0]], to),
       .expansion = steps_.expansion({.row = fit.row, .head = fit.head, .tail = tail, .others_count_as_zero = zero}),
       .action = Action::expand,
       .dtype = to});
}

// The program of the channels that only the first checkpoint has; its operand, if any, is the first checkpoint's.
uint16_t StepPlanner::tail_of(const Tensor& first, Dtype to) {
  const MergeProgram& tail = programs_.tail_for_dtypes(dtypes_);
  return tail.program ? *tail.program : copy_or_convert(first.dtype, to);
}

}  // namespace ckmerge
