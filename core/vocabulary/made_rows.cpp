// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/made_rows.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "io/table/tensor_reader.h"
#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

class MadeRows {
 public:
  MadeRows(std::shared_ptr<const TokenRows> rows, std::shared_ptr<const std::vector<ModelRows>> models, size_t model)
      : rows_(std::move(rows)), models_(std::move(models)), model_(model), own_((*models_)[model]) {}

  void make(uint64_t row, std::byte* out) const {
    const RowOrigin& origin = rows_->others[row];
    switch (origin.kind) {
      case RowOrigin::Kind::zero: std::memset(out, 0, row_size(own_)); return;
      case RowOrigin::Kind::input: return copy(origin.input, origin.row, out);
      case RowOrigin::Kind::average: return store(average(row), out);
      case RowOrigin::Kind::mean: break;
    }
    std::call_once(is_known_, [this] { mean_ = mean(); });
    store(mean_, out);
  }

 private:
  static uint64_t row_size(const ModelRows& model) { return model.row_count * element_size(model.dtype); }

  static void read(const ModelRows& model, uint64_t row, std::byte* out) {
    const uint64_t size = row_size(model);
    TensorReader().read(*model.part, model.index, row * size, (row + 1) * size, out);
  }

  void copy(uint32_t input, uint32_t row, std::byte* out) const {
    const ModelRows& from = (*models_)[input];
    if (from.dtype == own_.dtype) return read(from, row, out);
    std::vector<double> values(own_.row_count);
    load(from, row, values);
    store(values, out);
  }

  void load(const ModelRows& model, uint64_t row, std::vector<double>& values) const {
    std::vector<std::byte> bytes(row_size(model));
    read(model, row, bytes.data());
    widen(model.dtype, bytes.data(), values);
  }

  void widen(Dtype dtype, const std::byte* bytes, std::vector<double>& values) const {
    for (size_t at = 0; at < values.size(); at += kBlockElements)
      kernels_.load64[static_cast<size_t>(dtype)](bytes + at * element_size(dtype), values.data() + at,
                                                  std::min<size_t>(kBlockElements, values.size() - at));
  }

  void store(const std::vector<double>& values, std::byte* out) const {
    StoreCounts counts;
    for (size_t at = 0; at < values.size(); at += kBlockElements)
      kernels_.store64[static_cast<size_t>(own_.dtype)](values.data() + at, out + at * element_size(own_.dtype),
                                                        std::min<size_t>(kBlockElements, values.size() - at), &counts);
  }

  std::vector<double> average(uint64_t row) const {
    std::vector<double> sum(own_.row_count), values(own_.row_count);
    double count = 0;
    for (size_t k = 0; k < models_->size(); ++k) {
      if (rows_->again[k] || rows_->own[k][row] == kNoRow) continue;
      load((*models_)[k], rows_->own[k][row], values);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
      ++count;
    }
    for (double& element : sum) element /= count;
    return sum;
  }

  // Of the model's rows as the result has them, whoever made them.
  std::vector<double> mean() const {
    std::vector<double> sum(own_.row_count), values(own_.row_count);
    std::vector<std::byte> bytes(row_size(own_));
    for (uint64_t row = 0; row < rows_->tokens; ++row) {
      const uint32_t own = rows_->own[model_][row];
      if (own == kNoRow)
        make(row, bytes.data());
      else
        read(own_, own, bytes.data());
      widen(own_.dtype, bytes.data(), values);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
    }
    for (double& element : sum) element /= static_cast<double>(rows_->tokens);
    return sum;
  }

  std::shared_ptr<const TokenRows> rows_;
  std::shared_ptr<const std::vector<ModelRows>> models_;
  size_t model_;
  const ModelRows& own_;
  const BlockKernels& kernels_ = **available_kernels().begin();
  mutable std::once_flag is_known_;
  mutable std::vector<double> mean_;
};

}  // namespace

std::function<void(uint64_t row, std::byte* out)> made_rows(std::shared_ptr<const TokenRows> rows,
                                                            std::shared_ptr<const std::vector<ModelRows>> models,
                                                            size_t model) {
  const auto made = std::make_shared<const MadeRows>(std::move(rows), std::move(models), model);
  return [made](uint64_t row, std::byte* out) { made->make(row, out); };
}

}  // namespace ckmerge
