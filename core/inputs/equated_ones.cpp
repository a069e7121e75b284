// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_ones.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/layouts/element_view.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;
using Dimensions = std::vector<uint64_t>;

constexpr std::array<string_view, 3> kPrefixes{"", "first_stage_model.", "vae."};
constexpr std::array<string_view, 3> kModules{"encoder.mid.attn_1.", "decoder.mid.attn_1.", "mid_block.attentions.0."};

// Behind the VAE's prefix, or empty.
string_view inner_name(string_view name) {
  if (!name.ends_with(".weight")) return {};
  for (const string_view module : kModules)
    if (const size_t found = name.find(module); found != string_view::npos) {
      const size_t half = name.substr(0, found).rfind("coder.");
      return name.substr(module.starts_with("mid") && half != string_view::npos && half > 1 ? half - 2 : found);
    }
  return {};
}

bool differ_in_ones(Shape a, Shape b) {
  if (a.size() > b.size()) std::swap(a, b);
  return a.size() >= 2 && a.size() < b.size() && std::ranges::equal(a, b.first(a.size())) &&
         std::ranges::all_of(b.subspan(a.size()), [](uint64_t dimension) { return dimension == 1; });
}

// The shape that the tensor has in `first`, where it is another.
Dimensions wanted_shape(const TensorTable& first, const Tensor& tensor) {
  const string_view inner = inner_name(tensor.name);
  if (inner.empty()) return {};
  size_t row = first.find(tensor.name);
  for (const string_view prefix : kPrefixes)
    if (row == TensorTable::npos) row = first.find(std::string(prefix).append(inner));
  if (row == TensorTable::npos || !differ_in_ones(first[row].shape, tensor.shape)) return {};
  const Shape shape = first[row].shape;
  return {shape.begin(), shape.end()};
}

}  // namespace

std::vector<std::string> equate_ones(const Checkpoint& first, Checkpoint& other) {
  std::vector<std::pair<size_t, Dimensions>> reshaped;
  for (size_t i = 0; i < other.tensors.size(); ++i)
    if (Dimensions shape = wanted_shape(first.tensors, other.tensors[i]); !shape.empty())
      reshaped.emplace_back(i, std::move(shape));
  if (reshaped.empty()) return {};
  TensorTable made;
  size_t next = 0;
  for (size_t i = 0; i < other.tensors.size(); ++i) {
    const string_view name = other.tensors.name(i);
    if (next == reshaped.size() || reshaped[next].first != i) {
      made.add_again(name, other.tensors, i);
      continue;
    }
    ElementView view(other.tensors, i);
    view.reshape(std::move(reshaped[next++].second));
    view.add_to(made, name);
  }
  made.sort_by_name();
  other.tensors = std::move(made);
  return {sentence(counted(reshaped.size(), "tensor"), " of the VAE's attention with as many dimensions as A's")};
}

}  // namespace ckmerge
