// SPDX-License-Identifier: Apache-2.0
#include "core/families/model_family.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ckmerge {
namespace {

using std::string_view;

// The row of the first name that is not less than `name`.
size_t first_from(const TensorTable& tensors, string_view name) {
  size_t low = 0, high = tensors.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (tensors.name(middle) < name)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// What stands in front of the number, and behind it.
std::pair<string_view, string_view> around_number(string_view pattern) {
  const size_t number = pattern.find('#');
  return {pattern.substr(0, number), pattern.substr(number + 1)};
}

bool fits(string_view text, string_view pattern) {
  return pattern.ends_with('*') ? text.starts_with(pattern.substr(0, pattern.size() - 1)) : text == pattern;
}

}  // namespace

bool ComponentNames::has(string_view name) const {
  return tensors_.find(prefix_ + std::string(name)) != TensorTable::npos;
}

std::optional<Tensor> ComponentNames::find(string_view name) const {
  const size_t index = tensors_.find(prefix_ + std::string(name));
  if (index == TensorTable::npos) return std::nullopt;
  return tensors_[index];
}

bool ComponentNames::is_there(string_view name) const {
  if (!name.ends_with('*')) return has(name);
  const std::string begin = prefix_ + std::string(name.substr(0, name.size() - 1));
  const size_t row = first_from(tensors_, begin);
  return row < tensors_.size() && tensors_.name(row).starts_with(begin);
}

uint32_t ComponentNames::count(string_view pattern) const {
  const auto [front, behind] = around_number(pattern);
  uint32_t count = 0;
  while (is_there(std::string(front) + std::to_string(count) + std::string(behind))) ++count;
  return count;
}

std::optional<uint32_t> ComponentNames::highest(string_view pattern) const {
  const auto [front, behind] = around_number(pattern);
  const std::string begin = prefix_ + std::string(front);
  std::optional<uint32_t> highest;
  for (size_t row = first_from(tensors_, begin); row < tensors_.size(); ++row) {
    const string_view name = tensors_.name(row);
    if (!name.starts_with(begin)) break;
    uint32_t number = 0;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + begin.size(), end, number);
    if (read.ec != std::errc() || !fits({read.ptr, static_cast<size_t>(end - read.ptr)}, behind)) continue;
    highest = std::max(highest.value_or(0), number);
  }
  return highest;
}

bool BothNamings::has(string_view left, string_view right) const {
  return (left_ && !left.empty() && left_->has(left)) || (right_ && !right.empty() && right_->has(right));
}

uint32_t BothNamings::numbers(string_view left, string_view right) const {
  const auto of = [](const ComponentNames* names, string_view pattern) {
    const std::optional<uint32_t> highest = names ? names->highest(pattern) : std::nullopt;
    return highest ? *highest + 1 : 0;
  };
  return std::max(of(left_, left), of(right_, right));
}

const char* name(Naming naming) {
  switch (naming) {
    case Naming::original: return "original";
    case Naming::diffusers: return "diffusers";
    case Naming::comfy: return "comfy";
    case Naming::hugging_face: return "hugging_face";
    case Naming::open_clip: return "open_clip";
    case Naming::transformers: return "transformers";
  }
  return "";
}

}  // namespace ckmerge
