// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/saved_bases.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "core/adapters/replaced_rows.h"
#include "core/layouts/reshaping.h"
#include "io/table/tensor_reader.h"
#include "io/text/sentence.h"
#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

constexpr uint64_t kElementsAtATime = 64 * kBlockElements;

string module_of_base(string_view name) {
  constexpr string_view kEnd = ".base_layer.weight", kTokens = ".token_adapter";
  if (!name.ends_with(kEnd)) return "";
  name.remove_suffix(kEnd.size());
  if (name.ends_with(kTokens)) name.remove_suffix(kTokens.size());
  return string(name);
}

// Elements of a tensor as f32, from `first` on.
void read_some(const Checkpoint& checkpoint, uint32_t row, uint64_t first, std::vector<float>& out) {
  const Tensor tensor = checkpoint.tensors[row];
  const uint64_t size = element_size(tensor.dtype);
  std::vector<std::byte> bytes(out.size() * size);
  TensorReader().read(checkpoint, row, first * size, (first + out.size()) * size, bytes.data());
  const auto load = (*available_kernels().begin())->load32[static_cast<size_t>(tensor.dtype)];
  for (uint64_t i = 0; i < out.size(); i += kBlockElements)
    load(bytes.data() + i * size, out.data() + i, std::min<uint64_t>(kBlockElements, out.size() - i));
}

// As far as the first of them goes.
bool have_same_values(const Checkpoint& a, uint32_t row, const Checkpoint& b, uint32_t other) {
  constexpr float kRounding = 0x1p-8F;  // of bf16
  const Tensor one = a.tensors[row];
  const float bound = one.dtype == b.tensors[other].dtype ? 0 : kRounding;
  std::vector<float> left, right;
  for (uint64_t at = 0; at < one.count; at += left.size()) {
    left.resize(std::min(kElementsAtATime, one.count - at));
    right.resize(left.size());
    read_some(a, row, at, left);
    read_some(b, other, at, right);
    const auto near = [&](float x, float y) { return x == y || std::fabs(x - y) <= bound * std::fabs(x); };
    if (!std::ranges::equal(left, right, near)) return false;
  }
  return true;
}

struct SavedBase {
  uint32_t own = 0, saved = 0;  ///< indices into the tables of the checkpoint and of the adapter's file
};

// What `name` of the file is saved in place of; none: it is no base, or of nothing that numbers can be compared of.
std::optional<SavedBase> saved_base(const string& name, const Adapter& adapter, const Checkpoint& checkpoint,
                                    const ModuleEntries& modules) {
  const string module = module_of_base(name);
  const std::vector<TargetEntry> entries = module.empty() ? std::vector<TargetEntry>() : modules.called(module);
  if (entries.size() != 1) return std::nullopt;
  const size_t own = checkpoint.tensors.find(modules.shown(entries[0])), saved = adapter.file.tensors.find(name);
  if (own == TensorTable::npos || saved == TensorTable::npos) return std::nullopt;
  if (!is_real(checkpoint.tensors[own].dtype) || !is_real(adapter.file.tensors[saved].dtype)) return std::nullopt;
  return SavedBase{static_cast<uint32_t>(own), static_cast<uint32_t>(saved)};
}

}  // namespace

void replace_grown_bases(Adapter& adapter, const Checkpoint& checkpoint) {
  constexpr string_view kBase = ".base_layer.", kTokens = ".token_adapter.";
  const auto is_base = [&](const string& name) {
    return !module_of_base(name).empty() && name.find(kTokens) == string::npos;
  };
  if (std::ranges::none_of(adapter.ignored, is_base)) return;
  const ModuleEntries modules(adapter, checkpoint);
  std::erase_if(adapter.ignored, [&](const string& name) {
    const std::optional<SavedBase> base = is_base(name) ? saved_base(name, adapter, checkpoint, modules) : std::nullopt;
    if (!base || !has_more_rows(checkpoint.tensors[base->own], adapter.file.tensors[base->saved])) return false;
    if (!have_same_values(checkpoint, base->own, adapter.file, base->saved)) return false;
    string replaced = name;
    replaced.replace(replaced.rfind(kBase), kBase.size(), ".");
    adapter.replacements.push_back({.name = std::move(replaced), .tensor = base->saved, .rows = {}});
    return true;
  });
}

std::vector<string> unlike_bases(const Adapter& adapter, const Checkpoint& checkpoint, const ModuleEntries& modules) {
  std::vector<string> faults;
  for (const string& name : adapter.ignored) {
    const std::optional<SavedBase> found = saved_base(name, adapter, checkpoint, modules);
    if (!found) continue;
    const Tensor tensor = checkpoint.tensors[found->own], base = adapter.file.tensors[found->saved];
    const bool is_grown = has_more_rows(tensor, base);
    if (!is_grown && !std::ranges::equal(tensor.shape, base.shape))
      faults.push_back(sentence(name, ": is ", shape_text(base.shape), ", which PEFT puts in the place of ",
                                tensor.name, ", and that is ", shape_text(tensor.shape)));
    else if (!have_same_values(checkpoint, found->own, adapter.file, found->saved))
      faults.push_back(
          sentence(name, ": PEFT puts it in the place of ", tensor.name, ", which has other values in this model"));
    else if (is_grown)
      faults.push_back(sentence(name, ": has rows for ", counted(base.shape[0], "token"), ", ", tensor.name, " for ",
                                tensor.shape[0], ", and of tokens that are trained among them no merge is known"));
  }
  return faults;
}

}  // namespace ckmerge
