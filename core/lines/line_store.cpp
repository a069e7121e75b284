// SPDX-License-Identifier: Apache-2.0
#include "core/lines/line_store.h"

#include <algorithm>

namespace ckmerge {

bool LineStore::take_memory(uint64_t size) {
  const std::lock_guard lock(mutex_);
  if (size > left_) return false;
  left_ -= size;
  return true;
}

uint64_t LineStore::take_of_file(uint64_t size) {
  const std::lock_guard lock(mutex_);
  return scratch_.take(size);
}

void LineStore::give_memory_back(uint64_t size) {
  const std::lock_guard lock(mutex_);
  left_ += size;
}

LineTable::LineTable(LineStore& store, size_t numbers, uint64_t lines)
    : store_(store), numbers_(numbers), lines_(lines), is_in_memory_(store.take_memory(size())) {
  if (is_in_memory_)
    memory_.resize(numbers * lines);
  else
    offset_ = store.take_of_file(size());
}

LineTable::~LineTable() {
  if (is_in_memory_)
    store_.give_memory_back(size());
  else
    store_.scratch_.give_back(offset_, size());
}

const double* LineTable::in_memory(size_t k, uint64_t first) const {
  return is_in_memory_ ? memory_.data() + at(k, first) : nullptr;
}

void LineTable::read(size_t k, uint64_t first, std::span<double> into) const {
  if (is_in_memory_)
    std::copy_n(in_memory(k, first), into.size(), into.begin());
  else
    store_.scratch_.read(offset_ + at(k, first) * sizeof(double), std::as_writable_bytes(into));
}

void LineTable::write(size_t k, uint64_t first, std::span<const double> values) {
  if (is_in_memory_)
    std::ranges::copy(values, memory_.begin() + static_cast<std::ptrdiff_t>(at(k, first)));
  else
    store_.scratch_.write(offset_ + at(k, first) * sizeof(double), std::as_bytes(values));
}

}  // namespace ckmerge
