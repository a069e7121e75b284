// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/made_rows.h"

#include <algorithm>
#include <utility>

#include "io/table/tensor_reader.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

// Rows of a place that are asked for, as the module counts them.
struct Asked {
  uint64_t tensor_row = 0, module_row = 0, count = 0;
};

Asked asked_rows(const ModulePlace& place, uint64_t first, uint64_t count) {
  const uint64_t begin = std::max(first, place.first_row);
  const uint64_t end = std::min(first + count, place.first_row + place.row_count);
  return begin < end ? Asked{begin, place.module_row + (begin - place.first_row), end - begin} : Asked{};
}

void load_row(const Tensor& tensor, const std::byte* bytes, uint64_t count, float* out) {
  const auto load = (*available_kernels().begin())->load32[static_cast<size_t>(tensor.dtype)];
  for (uint64_t at = 0; at < count; at += kBlockElements)
    load(bytes + at * element_size(tensor.dtype), out + at, std::min<uint64_t>(kBlockElements, count - at));
}

// Whole groups of rows by themselves, of which those are added that were asked for.
void add_groups(const ModuleChange& change, const MadePlace& made, uint64_t columns, const Asked& asked, float* out) {
  const uint64_t group = change.row_group(), begin = asked.module_row / group * group;
  const uint64_t end = std::min((asked.module_row + asked.count + group - 1) / group * group, made.rows);
  std::vector<float> weight((end - begin) * made.columns), before;
  if (made.base) {
    made.base(begin, end - begin, weight);
    before = weight;
  }
  change.apply(begin, end - begin, weight);
  for (size_t i = 0; i < before.size(); ++i) weight[i] -= before[i];
  for (uint64_t row = 0; row < asked.count; ++row) {
    const float* const from = weight.data() + (asked.module_row - begin + row) * made.columns;
    for (uint64_t j = 0; j < made.columns; ++j) out[row * columns + j] += from[j];
  }
}

}  // namespace

uint64_t tensor_columns(const Tensor& tensor, const ModuleWeight& weight) {
  const Shape a = tensor.shape, b = weight.shape;
  const bool has_more_channels =
      !weight.is_bias && a.size() >= 2 && a.size() == b.size() && a[0] == b[0] && a[1] > b[1];
  return has_more_channels ? tensor.count / a[0] : weight.columns();
}

BaseRows::BaseRows(std::shared_ptr<const Checkpoint> base, ModuleWeight weight, std::vector<ModuleRows> rows)
    : base_(std::move(base)), weight_(std::move(weight)), rows_(std::move(rows)) {
  std::ranges::sort(rows_, {}, [](const ModuleRows& rows) { return rows.place.module_row; });
}

void BaseRows::read(uint64_t first, uint64_t count, std::span<float> out) const {
  const uint64_t columns = weight_.columns();
  for (const ModuleRows& from : rows_) {
    const uint64_t begin = from.place.module_row, end = begin + from.place.row_count;
    if (count == 0 || first < begin || first >= end) continue;
    const uint64_t here = std::min(count, end - first);
    read_some(from, from.place.first_row + (first - begin), here, out.first(here * columns));
    out = out.subspan(here * columns);
    first += here;
    count -= here;
  }
  if (count > 0)
    throw Error(ErrorCode::mismatch, base_->path,
                sentence(base_->path, ": row ", first, " of a weight is missing that its adapter needs whole"));
}

void BaseRows::read_some(const ModuleRows& from, uint64_t first, uint64_t count, std::span<float> out) const {
  const Tensor tensor = base_->tensors[from.tensor];
  const uint64_t columns = weight_.columns(), row = tensor_columns(tensor, weight_) * element_size(tensor.dtype);
  std::vector<std::byte> bytes(row);
  TensorReader reader;
  for (uint64_t i = 0; i < count; ++i) {
    reader.read(*base_, from.tensor, (first + i) * row, (first + i + 1) * row, bytes.data());
    load_row(tensor, bytes.data(), columns, out.data() + i * columns);
  }
}

uint64_t most_rows_together(PreparedModules& modules, std::span<const MadePlace> places) {
  uint64_t most = 1;
  for (const MadePlace& made : places)
    if (made.base) most = std::max(most, modules.get(made.module)->row_group());
  return most;
}

void add_made_rows(PreparedModules& modules, std::span<const MadePlace> places, uint64_t columns, uint64_t first,
                   uint64_t count, std::span<float> out) {
  for (const MadePlace& made : places) {
    const Asked asked = asked_rows(made.place, first, count);
    if (asked.count == 0) continue;
    const std::shared_ptr<const ModuleChange> change = modules.get(made.module);
    const std::span<float> here =
        out.subspan((asked.tensor_row - first) * columns, (asked.count - 1) * columns + made.columns);
    if (!made.base && change->row_group() == 1 && made.columns == columns)
      change->apply(asked.module_row, asked.count, here);
    else
      add_groups(*change, made, columns, asked, here.data());
  }
}

}  // namespace ckmerge
