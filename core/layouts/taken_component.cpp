// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/taken_component.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace ckmerge {
namespace {

struct Rows {
  size_t begin = 0, end = 0;
};

// Tables are sorted: a component's tensors stand together.
Rows rows_of(const TensorTable& tensors, std::string_view front) {
  size_t low = 0, high = tensors.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    tensors.name(middle) < front ? low = middle + 1 : high = middle;
  }
  Rows rows{.begin = low, .end = low};
  while (rows.end < tensors.size() && tensors.name(rows.end).starts_with(front)) ++rows.end;
  return rows;
}

Checkpoint taken(const Checkpoint& whole, const std::string& component) {
  const std::string front = component + ".";
  Checkpoint part;
  part.path = whole.path + "/" + component;
  part.metadata = whole.metadata;
  part.form = whole.form;
  part.judgement = whole.judgement;
  const Rows rows = rows_of(whole.tensors, front);
  for (size_t i = rows.begin; i < rows.end; ++i)
    part.tensors.add_again(whole.tensors.name(i).substr(front.size()), whole.tensors, i);
  for (const UnreadTensor& tensor : whole.unread)
    if (tensor.name.starts_with(front)) part.unread.push_back({tensor.name.substr(front.size()), tensor.why});
  return part;
}

struct Part {
  std::string component;
  Checkpoint checkpoint;

  bool is_changed() const { return !checkpoint.notes.empty(); }
  std::string front() const { return component + "."; }
};

void put_back(Checkpoint& whole, std::span<Part> parts) {
  std::erase_if(whole.unread, [&](const UnreadTensor& tensor) {
    return std::ranges::any_of(parts, [&](const Part& part) { return tensor.name.starts_with(part.front()); });
  });
  TensorTable tensors;
  for (size_t i = 0; i < whole.tensors.size(); ++i) {
    const std::string_view name = whole.tensors.name(i);
    if (std::ranges::none_of(parts, [&](const Part& part) { return name.starts_with(part.front()); }))
      tensors.add_again(name, whole.tensors, i);
  }
  for (const Part& part : parts) {
    std::string name = part.front();
    for (size_t i = 0; i < part.checkpoint.tensors.size(); ++i) {
      name.replace(part.component.size() + 1, std::string::npos, part.checkpoint.tensors.name(i));
      tensors.add_again(name, part.checkpoint.tensors, i);
    }
    for (const UnreadTensor& tensor : part.checkpoint.unread)
      whole.unread.push_back({part.front() + tensor.name, tensor.why});
    for (const std::string& note : part.checkpoint.notes) whole.notes.push_back(part.component + ": " + note);
    for (const UnplacedTensor& tensor : part.checkpoint.unplaced)
      whole.unplaced.push_back({part.front() + tensor.name, tensor.fate});
    for (const std::string& clause : part.checkpoint.equated) whole.equated.push_back(part.component + ": " + clause);
  }
  tensors.sort_by_name();
  whole.tensors = std::move(tensors);
}

}  // namespace

bool has_component(const TensorTable& tensors, const std::string& component) {
  const Rows rows = rows_of(tensors, component + ".");
  return rows.begin < rows.end;
}

void bring_components(Checkpoint& first, Checkpoint& other, std::span<const std::string> components,
                      const std::function<void(Checkpoint& first, Checkpoint& other)>& bring) {
  std::vector<Part> own, theirs;
  for (const std::string& component : components) {
    if (!has_component(first.tensors, component) || !has_component(other.tensors, component)) continue;
    Part a{component, taken(first, component)}, b{component, taken(other, component)};
    bring(a.checkpoint, b.checkpoint);
    if (a.is_changed()) own.push_back(std::move(a));
    if (b.is_changed()) theirs.push_back(std::move(b));
  }
  if (!own.empty()) put_back(first, own);
  if (!theirs.empty()) put_back(other, theirs);
}

}  // namespace ckmerge
