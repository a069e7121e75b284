// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/module_codes.h"

#include <string>

namespace ckmerge {

ModuleCodes::ModuleCodes(const TensorTable& tensors) : tensors_(tensors) {
  for (size_t i = 0; i < tensors.size() && !judge_; ++i)
    if (contains(kCodes, tensors[i].dtype)) judge_.emplace(tensors);
}

std::string_view ModuleCodes::kind(size_t index) const {
  if (!judge_) return {};
  const CodeRow* row = judge_->row_of(index);
  if (!row) {
    const size_t weight = weight_beside(index);
    if (weight != TensorTable::npos && weight != index) row = judge_->row_of(weight);
  }
  return row ? row->kind : std::string_view();
}

size_t ModuleCodes::weight_beside(size_t index) const {
  const std::string_view name = tensors_.name(index);
  return tensors_.find(std::string(name.substr(0, name.rfind('.') + 1)) + "weight");
}

}  // namespace ckmerge
