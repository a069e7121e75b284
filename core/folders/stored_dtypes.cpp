// SPDX-License-Identifier: Apache-2.0
#include "core/folders/stored_dtypes.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace ckmerge {
namespace {

// The widest first.
constexpr auto kFloats = std::to_array<std::pair<Dtype, std::string_view>>(
    {{Dtype::F64, "float64"}, {Dtype::F32, "float32"}, {Dtype::BF16, "bfloat16"}, {Dtype::F16, "float16"}});

size_t row_of(Dtype dtype) {
  const auto row = std::ranges::find(kFloats, dtype, [](const auto& entry) { return entry.first; });
  return static_cast<size_t>(row - kFloats.begin());
}

bool is_float(Dtype dtype) { return row_of(dtype) < kFloats.size(); }

}  // namespace

void tell_dtypes(const Plan& plan, size_t file, FolderFile& out) {
  bool is_one = true;
  for (const Step& step : plan.steps_of(plan.files[file])) {
    if (is_float(step.dtype)) {
      is_one &= out.dtype.value_or(step.dtype) == step.dtype;
      out.dtype = step.dtype;
    }
    out.is_plain &=
        is_float(step.dtype) || step.dtype == Dtype::I64 || step.dtype == Dtype::I32 || step.dtype == Dtype::BOOL;
  }
  if (!is_one) out.dtype.reset();
}

std::optional<Dtype> main_dtype(const Plan& plan, size_t first, size_t end) {
  std::array<uint64_t, kFloats.size()> sizes{};
  for (size_t k = first; k < end; ++k)
    for (const Step& step : plan.steps_of(plan.files[k]))
      if (is_float(step.dtype)) sizes[row_of(step.dtype)] += step.size;
  const auto most = std::ranges::max_element(sizes);
  if (*most == 0) return std::nullopt;
  return kFloats[static_cast<size_t>(most - sizes.begin())].first;
}

std::string torch_name(Dtype dtype) {
  const size_t row = row_of(dtype);
  return std::string(row < kFloats.size() ? kFloats[row].second : "float32");
}

}  // namespace ckmerge
