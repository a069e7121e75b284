// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/fusion.h"

#include <algorithm>
#include <utility>

#include "core/layouts/reshaping.h"
#include "io/text/sentence.h"

namespace ckmerge {

namespace {

// Whether its bytes can be counted: views of expanded tensors are of any size.
bool is_countable(Shape shape) {
  uint64_t size = sizeof(uint64_t);
  for (const uint64_t dimension : shape)
    if (__builtin_mul_overflow(size, dimension, &size)) return false;
  return true;
}

}  // namespace

using std::string;

uint64_t columns_beside(const TensorTable& tensors, size_t index, const LayoutRule* rule, bool stacks) {
  const auto columns = [&](Shape shape) -> uint64_t {
    if (stacks && !shape.empty()) shape = shape.subspan(1);
    if (shape.size() < 2) return 0;
    return rule && rule->reshaping == Reshaping::transpose ? shape.end()[-2] : shape[1];
  };
  const uint64_t own = columns(tensors[index].shape);
  if (own != 0) return own;
  const std::string_view name = tensors.name(index);
  const size_t weight = tensors.find(string(name.substr(0, name.rfind('.') + 1)) + "weight");
  return weight == TensorTable::npos ? 0 : columns(tensors[weight].shape);
}

void Fusions::add(const string& name, const RuleMatch& match, size_t index) {
  const auto [place, is_new] = places_.try_emplace(name, fused_.size());
  if (is_new) fused_.push_back({.name = name, .match = match});
  Fused& fused = fused_[place->second];
  if (index == TensorTable::npos)
    fused.is_read = false;
  else
    fused.parts.push_back({.index = index, .part = match.part, .stacked = match.stacked});
}

void Fusions::make(TensorTable& made, std::vector<string>& faults, size_t ones) const {
  const RuleMatcher matcher(rules_, Direction::to_right);
  for (const Fused& fused : fused_) {
    if (!fused.is_read) continue;
    const string why = make(fused, matcher, ones, made);
    if (!why.empty()) faults.push_back(sentence(fused.name, " cannot be made: ", why));
  }
}

// Returns why it cannot be made.
string Fusions::make(const Fused& fused, const RuleMatcher& matcher, size_t ones, TensorTable& made) const {
  const LayoutRule& rule = *fused.match.rule;
  const size_t parts = matcher.parts(rule);
  std::vector<Part> sorted = fused.parts;
  std::ranges::sort(sorted, {}, [](const Part& part) { return std::pair(part.stacked, part.part); });
  for (size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i].part != i % parts || sorted[i].stacked != i / parts) return missing_part(fused, matcher, i);
  if (sorted.size() % parts != 0) return missing_part(fused, matcher, sorted.size());

  ElementView whole(tensors_[sorted[0].index].dtype);
  std::vector<uint64_t> shape;
  for (size_t first = 0; first < sorted.size(); first += parts) {
    ElementView joined(whole.dtype());
    string why = join(std::span(sorted).subspan(first, parts), rule, joined);
    if (why.empty()) why = turn(joined, rule, Direction::to_left, ones);
    if (!why.empty()) return why;
    if (first > 0 && joined.shape() != shape)
      return sentence(tensors_.name(sorted[first].index), " would be ", shape_text(joined.shape()), " in it, but ",
                      tensors_.name(sorted[0].index), " ", shape_text(shape));
    shape = joined.shape();
    whole.append(joined);
  }
  if (matcher.stacks(rule)) shape.insert(shape.begin(), sorted.size() / parts);
  if (!is_countable(shape)) return sentence("it would be ", shape_text(shape), ", more than can be counted");
  whole.reshape(std::move(shape));
  whole.add_to(made, fused.name);
  return {};
}

string Fusions::missing_part(const Fused& fused, const RuleMatcher& matcher, size_t place) const {
  const size_t parts = matcher.parts(*fused.match.rule);
  string name(prefix_);
  matcher.append_target(fused.match, place % parts, place / parts, name);
  return sentence("its part ", name, " is missing");
}

// What lies in `parts`, in order, along dimension 0. Returns why it cannot be joined.
string Fusions::join(std::span<const Part> parts, const LayoutRule& rule, ElementView& joined) const {
  std::vector<uint64_t> shape, counts;
  for (const Part& part : parts) {
    const ElementView view(tensors_, part.index);
    const auto differs = [&](const auto&... texts) { return sentence(tensors_.name(part.index), " is ", texts...); };
    if (view.dtype() != joined.dtype())
      return differs(info(view.dtype()).name, " where another part is ", info(joined.dtype()).name);
    if (parts.size() > 1 && view.shape().empty()) return differs("without dimensions");
    if (counts.empty()) {
      shape = view.shape();
    } else if (!std::ranges::equal(Shape(shape).subspan(1), Shape(view.shape()).subspan(1))) {
      return differs(shape_text(view.shape()), ", which does not fit ", shape_text(shape), " of ",
                     tensors_.name(parts[0].index));
    }
    counts.push_back(view.shape().empty() ? 1 : view.shape()[0]);
    joined.append(view);
  }
  if (parts.size() > 1) {
    shape[0] = 0;
    for (const uint64_t count : counts) shape[0] += count;
    const uint64_t columns = columns_beside(tensors_, parts[0].index, nullptr, false);
    if (row_counts(rule.cut, parts.size(), shape[0], columns) != counts)
      return sentence("its parts have ", shape_text(counts), " rows, beside ", columns, " columns");
  }
  joined.reshape(std::move(shape));
  return {};
}

}  // namespace ckmerge
