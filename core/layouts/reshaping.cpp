// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/reshaping.h"

#include <algorithm>
#include <utility>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Numbers = std::vector<uint64_t>;

std::string swap(ElementView& view) {
  if (view.shape()[0] % 2 != 0)
    return sentence("its shape is ", shape_text(view.shape()), ", and halves cannot be made of an odd number of rows");
  view = view.swapped();
  return {};
}

std::string transpose(ElementView& view) {
  if (view.shape().size() < 2) return {};
  ElementView turned(view.dtype());
  if (!view.transpose(turned)) return "its matrix lies in several pieces, which cannot be transposed";
  view = std::move(turned);
  return {};
}

std::string square(ElementView& view, Direction direction, size_t ones) {
  Numbers shape = view.shape();
  if (shape.size() < 2) return {};
  if (direction == Direction::to_right) {
    if (std::any_of(shape.begin() + 2, shape.end(), [](uint64_t dimension) { return dimension != 1; }))
      return sentence("its shape is ", shape_text(shape), " and not that of a matrix");
    shape.resize(2);
  } else if (shape.size() == 2) {
    shape.resize(2 + ones, 1);
  }
  view.reshape(std::move(shape));
  return {};
}

std::string fold(ElementView& view, Direction direction, uint64_t fold) {
  Numbers shape = view.shape();
  const bool to_right = direction == Direction::to_right;
  if (to_right ? shape[0] % fold != 0 : shape.size() < 2 || shape[0] != fold)
    return sentence("its shape is ", shape_text(shape), ", and ", fold,
                    to_right ? " rows cannot be made of it" : " rows are expected");
  if (to_right) {
    shape[0] /= fold;
    shape.insert(shape.begin(), fold);
  } else {
    shape[1] *= fold;
    shape.erase(shape.begin());
  }
  view.reshape(std::move(shape));
  return {};
}

}  // namespace

std::string turn(ElementView& view, const LayoutRule& rule, Direction direction, size_t ones) {
  if (view.shape().empty() && rule.reshaping != Reshaping::none) return "it has no dimensions";
  switch (rule.reshaping) {
    case Reshaping::none: return {};
    case Reshaping::swap: return swap(view);
    case Reshaping::transpose: return transpose(view);
    case Reshaping::square: return square(view, direction, ones);
    case Reshaping::fold: return fold(view, direction, rule.fold);
  }
  return {};
}

std::optional<Numbers> row_counts(RowCut cut, size_t parts, uint64_t rows, uint64_t columns) {
  if (cut == RowCut::equal) {
    if (rows % parts != 0) return std::nullopt;
    return Numbers(parts, rows / parts);
  }
  if (columns == 0) return std::nullopt;
  if (cut == RowCut::first_as_columns) {
    if (rows <= columns || (rows - columns) % (parts - 1) != 0) return std::nullopt;
    Numbers counts(parts, (rows - columns) / (parts - 1));
    counts[0] = columns;
    return counts;
  }
  if (rows / (parts - 1) < columns || rows == columns * (parts - 1)) return std::nullopt;
  Numbers counts(parts, columns);
  counts.back() = rows - columns * (parts - 1);
  return counts;
}

std::string shape_text(Shape shape) {
  std::string text = "[";
  for (const uint64_t dimension : shape) text += sentence(text.size() > 1 ? ", " : "", dimension);
  return text + ']';
}

}  // namespace ckmerge
