// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/token_texts.h"

#include <functional>

namespace ckmerge {

uint32_t TokenTexts::add(std::string_view text) {
  const size_t slot = slot_of(text);
  if (slots_[slot] != kNone) return slots_[slot];
  const auto number = static_cast<uint32_t>(ends_.size());
  texts_ += text;
  ends_.push_back(texts_.size());
  slots_[slot] = number;
  if (ends_.size() * 2 > slots_.size()) grow();
  return number;
}

size_t TokenTexts::slot_of(std::string_view text) const {
  size_t slot = std::hash<std::string_view>()(text) & (slots_.size() - 1);
  while (slots_[slot] != kNone && (*this)[slots_[slot]] != text) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void TokenTexts::grow() {
  slots_.assign(slots_.size() * 2, kNone);
  for (uint32_t number = 0; number < ends_.size(); ++number) slots_[slot_of((*this)[number])] = number;
}

}  // namespace ckmerge
