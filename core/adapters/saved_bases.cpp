// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/saved_bases.h"

#include <algorithm>
#include <cmath>
#include <string_view>

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

}  // namespace

std::vector<string> unlike_bases(const Adapter& adapter, const Checkpoint& checkpoint, const ModuleEntries& modules) {
  std::vector<string> faults;
  for (const string& name : adapter.ignored) {
    const string module = module_of_base(name);
    const std::vector<TargetEntry> entries = module.empty() ? std::vector<TargetEntry>() : modules.called(module);
    if (entries.size() != 1) continue;
    const size_t own = checkpoint.tensors.find(modules.shown(entries[0])), saved = adapter.file.tensors.find(name);
    if (own == TensorTable::npos || saved == TensorTable::npos) continue;
    const Tensor tensor = checkpoint.tensors[own], base = adapter.file.tensors[saved];
    if (!is_real(tensor.dtype) || !is_real(base.dtype)) continue;
    if (!std::ranges::equal(tensor.shape, base.shape))
      faults.push_back(sentence(name, ": is ", shape_text(base.shape), ", which PEFT puts in the place of ",
                                tensor.name, ", and that is ", shape_text(tensor.shape)));
    else if (!have_same_values(checkpoint, static_cast<uint32_t>(own), adapter.file, static_cast<uint32_t>(saved)))
      faults.push_back(
          sentence(name, ": PEFT puts it in the place of ", tensor.name, ", which has other values in this model"));
  }
  return faults;
}

}  // namespace ckmerge
