// SPDX-License-Identifier: Apache-2.0
#include "core/read/source_read.h"

namespace ckmerge {
namespace {

Tensor tensor_of(std::span<const Checkpoint> checkpoints, Source source) {
  return checkpoints[source.checkpoint].tensors[source.tensor];
}

// The same bytes where the dtype is that of the output, so that dtypes of less than a byte can be copied.
SourceRead contiguous_read(const Tensor& tensor, Source source, Dtype stored, ByteRange part) {
  ByteRange bytes = part;
  if (tensor.dtype != stored) {
    const uint64_t from = element_size(tensor.dtype), to = element_size(stored);
    bytes = {part.begin / to * from, part.end / to * from};
  }
  return {.source = source, .bytes = bytes, .view = {.dtype = tensor.dtype}};
}

// Elements [first, end) of whole rows, seen as heads or as tails.
SourceRead wide_read(const Tensor& tensor, Source source, const StepRows& rows, uint64_t first, uint64_t end,
                     bool tails) {
  const uint64_t size = element_size(tensor.dtype);
  const auto into_row = static_cast<int64_t>((first - rows.origin(first)) * size);
  return {.source = source,
          .bytes = {first * size, end * size},
          .view = {.dtype = tensor.dtype, .inner = tails ? rows.row - rows.head : rows.head, .stride = rows.row * size},
          .element_zero = (tails ? static_cast<int64_t>(rows.head * size) : 0) - into_row};
}

// The heads of elements [first, end), which lie one after another.
SourceRead narrow_read(const Tensor& tensor, Source source, const StepRows& rows, uint64_t first, uint64_t end) {
  const uint64_t size = element_size(tensor.dtype), head = rows.heads_before(first);
  return {.source = source,
          .bytes = {head * size, rows.heads_before(end) * size},
          .view = {.dtype = tensor.dtype},
          .element_zero = -static_cast<int64_t>((head - rows.heads_before(rows.origin(first))) * size),
          .whole_rows = false};
}

}  // namespace

// In integers: the address of element 0 may lie before the window, where no pointer of it may lead.
Operand SourceRead::operand(const std::byte* at) const {
  Operand operand = view;
  operand.data = reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(at) + static_cast<uintptr_t>(element_zero));
  return operand;
}

void list_reads(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step, ByteRange part,
                std::vector<SourceRead>& reads) {
  reads.clear();
  const StepRows rows = rows_of(plan, step);
  for (uint32_t s = 0; s < step.source_count; ++s) {
    const Source source = plan.source(step, s);
    const Tensor tensor = tensor_of(checkpoints, source);
    if (!rows.expanded()) {
      if (computes(plan, step) || tensor.dtype == step.dtype)
        reads.push_back(contiguous_read(tensor, source, step.dtype, part));
      continue;
    }
    const uint64_t first = part.begin / element_size(step.dtype), end = part.end / element_size(step.dtype);
    reads.push_back(tensor.count == element_count(step) ? wide_read(tensor, source, rows, first, end, s == 0)
                                                        : narrow_read(tensor, source, rows, first, end));
  }
}

SourceRead read_of(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step, uint32_t s,
                   ByteRange part) {
  const Source source = plan.source(step, s);
  return contiguous_read(tensor_of(checkpoints, source), source, step.dtype, part);
}

}  // namespace ckmerge
