// SPDX-License-Identifier: Apache-2.0
#include "core/lines/line_window.h"

#include <algorithm>

namespace ckmerge {

uint64_t LineWindow::end_of(uint64_t at, uint64_t end) const {
  end = std::min(end, (at / kElements + 1) * kElements);
  for (const TensorLines::Slot& slot : lines_->slots())
    if (slot.lines.inner > kElements) end = std::min(end, (at / slot.lines.inner + 1) * slot.lines.inner);
  return end;
}

const LineNumbers* LineWindow::load(uint64_t at, uint64_t end) {
  const std::span<const TensorLines::Slot> slots = lines_->slots();
  numbers_.resize(slots.size());
  read_.resize(slots.size());
  for (size_t k = 0; k < slots.size(); ++k) {
    const auto& [table, number, lines] = slots[k];
    if (!table) continue;
    const bool all = !lines.are_rows() && lines.inner <= kElements;
    const uint64_t first = all ? 0 : lines.of(at), count = all ? lines.inner : lines.of(end - 1) - first + 1;
    numbers_[k] = {.values = table->in_memory(number, first), .first = first, .lines = lines};
    if (numbers_[k].values) continue;
    read_[k].resize(count);
    table->read(number, first, read_[k]);
    numbers_[k].values = read_[k].data();
  }
  return numbers_.data();
}

}  // namespace ckmerge
