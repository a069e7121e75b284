// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/kinds/sparse_change.h"

#include <algorithm>
#include <utility>

namespace ckmerge {

uint64_t place_of(const ModuleWeight& weight, uint64_t out, uint64_t in) {
  const uint64_t row = weight.transposed ? in : out, column = weight.transposed ? out : in;
  return row < weight.rows() && column < weight.columns() ? row * weight.columns() + column : UINT64_MAX;
}

SparseChange::SparseChange(std::vector<ChangedElement> elements, uint64_t columns, double strength,
                           std::unique_ptr<ModuleChange> besides)
    : elements_(std::move(elements)),
      columns_(columns),
      strength_(static_cast<float>(strength)),
      besides_(std::move(besides)) {
  std::ranges::stable_sort(elements_, {}, &ChangedElement::place);
}

void SparseChange::apply(uint64_t first, uint64_t count, std::span<float> weight) const {
  const uint64_t begin = first * columns_, end = begin + count * columns_;
  for (auto element = std::ranges::lower_bound(elements_, begin, {}, &ChangedElement::place);
       element != elements_.end() && element->place < end; ++element)
    weight[element->place - begin] += element->value * strength_;
  if (besides_) besides_->apply(first, count, weight);
}

uint64_t SparseChange::memory() const {
  return sizeof(*this) + elements_.size() * sizeof(ChangedElement) + (besides_ ? besides_->memory() : 0);
}

}  // namespace ckmerge
