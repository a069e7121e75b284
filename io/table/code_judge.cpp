// SPDX-License-Identifier: Apache-2.0
#include "io/table/code_judge.h"

#include <algorithm>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;
using Where = Companion::Where;

string_view stem_of(string_view name) { return name.substr(0, name.rfind('.') + 1); }

bool has_star(string_view leaf) { return leaf.starts_with('*') || leaf.ends_with('*'); }

// The part of a leaf behind its last dot, by which rows are looked up: `_data` of `_data._data`.
string_view last_part(string_view leaf) { return leaf.substr(leaf.rfind('.') + 1); }

}  // namespace

struct CodeJudge::Place {
  size_t index = 0;
  Tensor tensor = {};
  string_view module = {}, last = {};  // its name, cut behind the last dot
  string_view stem = {}, front = {};   // for the row at hand: what stands in front of the leaf, and for its star
  bool has_own = false;                // a name that begins with the tensor's follows it
  bool has_siblings = false;           // so does or precedes one of its module

  // Whether the tensor is called as `leaf` says.
  bool is_called(string_view leaf) {
    stem = module;
    front = {};
    if (leaf == "*") return true;
    if (leaf.ends_with('*')) return last.starts_with(leaf.substr(0, leaf.size() - 1));
    if (leaf.starts_with('*')) {
      if (!last.ends_with(leaf.substr(1))) return false;
      front = last.substr(0, last.size() + 1 - leaf.size());
      return true;
    }
    if (leaf == last) return true;
    const string_view name = tensor.name;
    if (!name.ends_with(leaf)) return false;
    stem = name.substr(0, name.size() - leaf.size());
    return stem.empty() || stem.ends_with('.');
  }

  void put_name(const Companion& companion, std::string& out) const {
    out = companion.where == Where::own ? tensor.name : stem;
    if (companion.where == Where::twin) out += front;
    out += companion.name;
  }

  bool may_have(const Companion& companion) const {
    return companion.where == Where::none || (companion.where == Where::own ? has_own : has_own || has_siblings);
  }
};

void CodeJudge::LeafRows::add(const CodeRow& row) {
  all.push_back(&row);
  if (row.companions[0].where == Where::none) alone.push_back(&row);
}

CodeJudge::CodeJudge(const TensorTable& tensors) : tensors_(tensors) {
  for (const CodeRow& row : code_rows())
    if (!has_star(row.leaf)) rows_[last_part(row.leaf)];
  for (const CodeRow& row : code_rows()) {
    for (auto& [last, rows] : rows_)
      if (has_star(row.leaf) || last == last_part(row.leaf)) rows.add(row);
    if (has_star(row.leaf)) others_.add(row);
  }
}

const CodeRow* CodeJudge::row_of(size_t index) const {
  Place place{.index = index, .tensor = tensors_[index]};
  const string_view name = place.tensor.name;
  if (!contains(kCodes, place.tensor.dtype)) return nullptr;
  place.module = stem_of(name);
  place.last = name.substr(place.module.size());
  place.has_own = index + 1 < tensors_.size() && tensors_[index + 1].name.starts_with(name);
  place.has_siblings = has_siblings(index, place.module);
  const auto found = rows_.find(place.last);
  const LeafRows& rows = found == rows_.end() ? others_ : found->second;
  for (const CodeRow* row : place.has_own || place.has_siblings ? rows.all : rows.alone)
    if (fits(*row, place)) return row;
  return nullptr;
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

bool CodeJudge::fits(const CodeRow& row, Place& place) const {
  if (!contains(row.dtypes, place.tensor.dtype) || place.tensor.count < row.least_elements) return false;
  const auto may_be = [&](const Companion& companion) { return place.may_have(companion); };
  const auto is = [&](const Companion& companion) {
    return companion.where == Where::none || is_there(companion, place);
  };
  return std::ranges::all_of(row.companions, may_be) && place.is_called(row.leaf) &&
         std::ranges::all_of(row.companions, is);
}

bool CodeJudge::is_there(const Companion& companion, const Place& place) const {
  place.put_name(companion, name_);
  const size_t index = find_near(place.index, name_);
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
  place.module = stem_of(place.tensor.name);
  place.last = place.tensor.name.substr(place.module.size());
  place.is_called(row.leaf);
  std::string text = sentence(place.tensor.name.substr(0, kLongest), " is ", info(place.tensor.dtype).name);
  for (const char* between = ", beside "; const Companion& companion : row.companions) {
    if (companion.where == Where::none) break;
    place.put_name(companion, name_);
    text += sentence(between, string_view(name_).substr(place.stem.size(), kLongest));
    between = " and ";
  }
  return text;
}

}  // namespace ckmerge
