// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/replaced_rows.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "io/table/tensor_reader.h"
#include "io/text/sentence.h"
#include "kernels/block_kernels.h"
#include "kernels/program.h"

namespace ckmerge {
namespace {

class Rows {
 public:
  Rows(std::shared_ptr<const Checkpoint> base, std::shared_ptr<const Checkpoint> from,
       std::vector<RowReplacement> replacements)
      : base_(std::move(base)), from_(std::move(from)), replacements_(std::move(replacements)) {
    uint64_t end = 0;
    for (const RowReplacement& one : replacements_) {
      dtypes_.push_back(replaced_dtype(base_->tensors[one.tensor], from_->tensors[one.rows_of]));
      end += base_->tensors[one.tensor].count * element_size(dtypes_.back());
      ends_.push_back(end);
      auto& places = places_.emplace_back();
      for (size_t k = 0; k < one.rows.size(); ++k) places[one.rows[k]] = k;
    }
  }

  uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }

  void read(uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
      const auto i = static_cast<size_t>(std::ranges::upper_bound(ends_, offset) - ends_.begin());
      const uint64_t begin = i == 0 ? 0 : ends_[i - 1], size = std::min<uint64_t>(out.size(), ends_[i] - offset);
      read_tensor(i, offset - begin, out.first(size));
      offset += size;
      out = out.subspan(size);
    }
  }

 private:
  void read_tensor(size_t i, uint64_t offset, std::span<std::byte> out) const {
    const Tensor tensor = base_->tensors[replacements_[i].tensor];
    const uint64_t width = tensor.count / tensor.shape[0] * element_size(dtypes_[i]);
    while (!out.empty()) {
      const uint64_t row = offset / width, in_row = offset % width;
      const uint64_t size = std::min<uint64_t>(out.size(), width - in_row);
      const auto place = places_[i].find(row);
      if (place == places_[i].end())
        read_row({*base_, replacements_[i].tensor}, dtypes_[i], row * width + in_row, out.first(size));
      else
        read_row({*from_, replacements_[i].rows_of}, dtypes_[i], place->second * width + in_row, out.first(size));
      offset += size;
      out = out.subspan(size);
    }
  }

  struct Stored {
    const Checkpoint& checkpoint;
    uint32_t tensor;
  };

  // Bytes of a tensor as `dtype` from `offset` on, which need not be a multiple of an element.
  static void read_row(const Stored& of, Dtype dtype, uint64_t offset, std::span<std::byte> out) {
    const Tensor tensor = of.checkpoint.tensors[of.tensor];
    const uint64_t made = element_size(dtype), size = element_size(tensor.dtype);
    const uint64_t first = offset / made, end = (offset + out.size() + made - 1) / made;
    std::vector<std::byte> stored((end - first) * size), values((end - first) * made);
    TensorReader reader;
    reader.read(of.checkpoint, of.tensor, first * size, end * size, stored.data());
    const Program load{.compute = dtype, .result = 0, .code = {{.op = Op::load}}};
    const Operand operand{.data = stored.data(), .dtype = tensor.dtype};
    StoreCounts counts;
    run_program(**available_kernels().begin(), load, &operand, 0, end - first, values.data(), dtype, counts);
    std::ranges::copy(std::span(values).subspan(offset % made, out.size()), out.begin());
  }

  std::shared_ptr<const Checkpoint> base_, from_;
  std::vector<RowReplacement> replacements_;
  std::vector<Dtype> dtypes_;                                   // of each
  std::vector<uint64_t> ends_;                                  // bytes up to the end of each
  std::vector<std::unordered_map<uint64_t, uint64_t>> places_;  // of rows among those that replace them
};

}  // namespace

bool has_more_rows(const Tensor& own, const Tensor& other) {
  return own.shape.size() == 2 && other.shape.size() == 2 && own.shape[1] == other.shape[1] &&
         other.shape[0] > own.shape[0];
}

std::string replacement_fault(const Tensor& own, const Tensor& other, const std::vector<uint64_t>& rows) {
  const auto shape_text = [](Shape shape) {
    std::string text;
    for (const uint64_t dimension : shape) text += (text.empty() ? "[" : ", ") + std::to_string(dimension);
    return text.empty() ? std::string("[]") : text + "]";
  };
  const bool is_copy = rows.empty() && own.dtype == other.dtype;
  if (!is_copy && (!is_real(own.dtype) || !is_real(other.dtype)))
    return sentence("is ", info(own.dtype).name, ", and ", info(other.dtype).name, " in the adapter");
  if (rows.empty() && !std::ranges::equal(own.shape, other.shape) && !has_more_rows(own, other))
    return sentence("is ", shape_text(own.shape), ", and ", shape_text(other.shape), " in the adapter");
  if (rows.empty()) return "";
  const bool is_matrix = own.shape.size() == 2 && other.shape.size() == 2;
  if (!is_matrix || own.shape[1] != other.shape[1] || other.shape[0] != rows.size())
    return sentence("is ", shape_text(own.shape), ", and the adapter has ", shape_text(other.shape), " for ",
                    counted(rows.size(), "row"));
  for (const uint64_t row : rows)
    if (row >= own.shape[0])
      return sentence("has ", counted(own.shape[0], "row"), ", and the adapter one for number ", row);
  return "";
}

bool have_same_bytes(const Checkpoint& file, uint32_t a, uint32_t b) {
  constexpr uint64_t kReadAtATime = 64 << 10;
  const Tensor one = file.tensors[a], other = file.tensors[b];
  if (one.dtype != other.dtype || !std::ranges::equal(one.shape, other.shape)) return false;
  std::vector<std::byte> bytes(std::min(kReadAtATime, one.size)), others(bytes.size());
  TensorReader reader;
  for (uint64_t at = 0, end = 0; at < one.size; at = end) {
    end = std::min(at + kReadAtATime, one.size);
    reader.read(file, a, at, end, bytes.data());
    reader.read(file, b, at, end, others.data());
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(end - at), others.begin())) return false;
  }
  return true;
}

Dtype replaced_dtype(const Tensor& own, const Tensor& other) {
  return own.dtype == Dtype::F64 || other.dtype == Dtype::F64 ? Dtype::F64 : Dtype::F32;
}

InputFile replaced_rows(std::shared_ptr<const Checkpoint> base, std::shared_ptr<const Checkpoint> from,
                        std::vector<RowReplacement> replacements, const std::string& path) {
  const auto rows = std::make_shared<const Rows>(std::move(base), std::move(from), std::move(replacements));
  return InputFile(MemoryBytes{.size = rows->size(),
                               .read = [rows](uint64_t offset, std::span<std::byte> out) { rows->read(offset, out); }},
                   path);
}

}  // namespace ckmerge
