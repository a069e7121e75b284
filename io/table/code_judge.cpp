// SPDX-License-Identifier: Apache-2.0
#include "io/table/code_judge.h"

#include <algorithm>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;
using Where = Companion::Where;

string_view stem_of(string_view name) { return name.substr(0, name.rfind('.') + 1); }

bool ends_as_part(string_view name, string_view part) {
  if (!name.ends_with(part)) return false;
  return name.size() == part.size() || name[name.size() - part.size() - 1] == '.';
}

// Whether `name` is called as `leaf` says; then `stem` is its module's name with the dot, `front` what a star stands
// for in front of the leaf.
bool is_called(string_view name, string_view leaf, string_view& stem, string_view& front) {
  stem = stem_of(name);
  const string_view last = name.substr(stem.size());
  if (leaf == "*") return true;
  if (leaf.starts_with('*')) {
    leaf.remove_prefix(1);
    if (!last.ends_with(leaf)) return false;
    front = last.substr(0, last.size() - leaf.size());
    return true;
  }
  if (leaf.ends_with('*')) return last.starts_with(leaf.substr(0, leaf.size() - 1));
  if (!ends_as_part(name, leaf)) return false;
  stem = name.substr(0, name.size() - leaf.size());
  return true;
}

}  // namespace

struct CodeJudge::Place {
  size_t index = 0;
  Tensor tensor = {};
  string_view stem = {}, front = {};  // as is_called() says
  bool has_own = false;               // a name that begins with the tensor's follows it

  std::string name_of(const Companion& companion) const {
    switch (companion.where) {
      case Where::beside: return sentence(stem, companion.name);
      case Where::own: return sentence(tensor.name, companion.name);
      case Where::twin: return sentence(stem, front, companion.name);
      case Where::none: break;
    }
    return "";
  }
};

CodeJudge::CodeJudge(const TensorTable& tensors) : tensors_(tensors) {
  for (const CodeRow& row : code_rows())
    (row.companions[0].where == Where::none ? alone_ : accompanied_).push_back(&row);
}

const CodeRow* CodeJudge::row_of(size_t index) const {
  Place place{.index = index, .tensor = tensors_[index]};
  if (!contains(kCodes, place.tensor.dtype)) return nullptr;
  place.has_own = index + 1 < tensors_.size() && tensors_[index + 1].name.starts_with(place.tensor.name);
  const auto fitting = [&](const std::vector<const CodeRow*>& rows) -> const CodeRow* {
    for (const CodeRow* row : rows)
      if (contains(row->dtypes, place.tensor.dtype) &&
          is_called(place.tensor.name, row->leaf, place.stem, place.front) && fits(*row, place))
        return row;
    return nullptr;
  };
  if (place.has_own || has_siblings(index, stem_of(place.tensor.name)))
    if (const CodeRow* row = fitting(accompanied_)) return row;
  return fitting(alone_);
}

// A bias is no companion of any row.
bool CodeJudge::has_siblings(size_t index, string_view stem) const {
  if (tensors_[index].name.substr(stem.size()) == "_data") stem = stem_of(stem.substr(0, stem.size() - !stem.empty()));
  if (index + 1 < tensors_.size() && tensors_[index + 1].name.starts_with(stem)) return true;
  for (size_t before = index; before-- > 0;) {
    const string_view name = tensors_[before].name;
    if (!name.starts_with(stem)) return false;
    if (name.substr(stem.size()) != "bias") return true;
  }
  return false;
}

bool CodeJudge::fits(const CodeRow& row, const Place& place) const {
  return place.tensor.count >= row.least_elements &&
         std::ranges::all_of(row.companions, [&](const Companion& companion) {
           return companion.where == Where::none || is_there(companion, place);
         });
}

bool CodeJudge::is_there(const Companion& companion, const Place& place) const {
  if (companion.where == Where::own && !place.has_own) return false;
  const size_t index = find_near(place.index, place.name_of(companion));
  if (index == TensorTable::npos) return false;
  const Tensor found = tensors_[index];
  const auto width = [](const Tensor& tensor) { return tensor.shape.empty() ? 1 : tensor.shape.back(); };
  if (!contains(companion.dtypes, found.dtype) || (companion.other_dtype && found.dtype == place.tensor.dtype))
    return false;
  switch (companion.shape) {
    case Companion::Shape::any: return true;
    case Companion::Shape::one_element: return found.count == 1;
    case Companion::Shape::equal_width: return width(found) == width(place.tensor);
  }
  return false;
}

// By steps that double, away from `index`, until `name` lies between two of them.
size_t CodeJudge::find_near(size_t index, string_view name) const {
  size_t low = index, high = index + 1;  // names at low and before are less, at high and behind are not
  const size_t size = tensors_.size();
  if (tensors_[index].name < name) {
    for (size_t step = 1; high < size && tensors_[high].name < name; step *= 2) {
      low = high;
      high = std::min(size, high + step);
    }
    ++low;
  } else {
    high = index;
    for (size_t step = 1; low > 0 && !(tensors_[low].name < name); step *= 2) {
      high = low;
      low -= std::min(low, step);
    }
  }
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (tensors_[middle].name < name)
      low = middle + 1;
    else
      high = middle;
  }
  return high < size && tensors_[high].name == name ? high : TensorTable::npos;
}

std::string CodeJudge::evidence(size_t index, const CodeRow& row) const {
  constexpr size_t kLongest = 200;
  Place place{.index = index, .tensor = tensors_[index]};
  is_called(place.tensor.name, row.leaf, place.stem, place.front);
  std::string text = sentence(place.tensor.name.substr(0, kLongest), " is ", info(place.tensor.dtype).name);
  for (const char* between = ", beside "; const Companion& companion : row.companions) {
    if (companion.where == Where::none) break;
    const std::string name = place.name_of(companion);
    text += sentence(between, string_view(name).substr(place.stem.size(), kLongest));
    between = " and ";
  }
  return text;
}

}  // namespace ckmerge
