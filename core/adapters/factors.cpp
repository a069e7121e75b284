// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/factors.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/layouts/reshaping.h"
#include "io/table/tensor_reader.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

// Of a factor's bytes that are in memory beside its numbers.
constexpr uint64_t kReadAtATime = 64 << 10;

bool is_ordinary(float value) { return (std::bit_cast<uint32_t>(value) & 0x7f800000U) != 0x7f800000U; }

// Calls `take(bytes, at, count)` for a few of elements [first, end) at a time, `at` counted from the first.
void read_some(const Checkpoint& file, uint32_t row, uint64_t first, uint64_t end, const auto& take) {
  const uint64_t size = element_size(file.tensors[row].dtype), step = kReadAtATime / size;
  std::vector<std::byte> bytes(std::min(step, end - first) * size);
  TensorReader reader;
  for (uint64_t at = first; at < end; at += step) {
    const uint64_t count = std::min(step, end - at);
    reader.read(file, row, at * size, (at + count) * size, bytes.data());
    take(bytes.data(), at - first, count);
  }
}

template <typename Integer>
uint64_t whole_number(const std::byte* bytes) {
  Integer number;
  std::memcpy(&number, bytes, sizeof(Integer));
  return number < 0 ? UINT64_MAX : static_cast<uint64_t>(number);
}

// UINT64_MAX: none, or below 0.
uint64_t whole_number(Dtype dtype, const std::byte* bytes) {
  switch (dtype) {
    case Dtype::BOOL:
    case Dtype::U8: return whole_number<uint8_t>(bytes);
    case Dtype::I8: return whole_number<int8_t>(bytes);
    case Dtype::I16: return whole_number<int16_t>(bytes);
    case Dtype::U16: return whole_number<uint16_t>(bytes);
    case Dtype::I32: return whole_number<int32_t>(bytes);
    case Dtype::U32: return whole_number<uint32_t>(bytes);
    case Dtype::I64: return whole_number<int64_t>(bytes);
    case Dtype::U64: return whole_number<uint64_t>(bytes);
    default: return UINT64_MAX;
  }
}

}  // namespace

const Factor* find_factor(const AdapterModule& module, std::string_view name) {
  const auto found = std::ranges::find(module.factors, name, &Factor::name);
  return found == module.factors.end() ? nullptr : &*found;
}

const Factor& factor(const AdapterModule& module, std::string_view name) { return *find_factor(module, name); }

Tensor factor_tensor(const Adapter& adapter, const Factor& factor) { return adapter.file.tensors[factor.tensor]; }

FactorMatrix transposed(const FactorMatrix& matrix) {
  FactorMatrix turned{matrix.columns, matrix.rows, std::vector<float>(matrix.elements.size())};
  for (uint64_t i = 0; i < matrix.rows; ++i)
    for (uint64_t j = 0; j < matrix.columns; ++j) turned.row(j)[i] = matrix.row(i)[j];
  return turned;
}

void read_elements(const Adapter& adapter, const Factor& factor, uint64_t first, std::span<float> out) {
  const Tensor tensor = factor_tensor(adapter, factor);
  const auto load = (*available_kernels().begin())->load32[static_cast<size_t>(tensor.dtype)];
  const auto widen = [&](const std::byte* bytes, uint64_t at, uint64_t count) {
    for (uint64_t i = 0; i < count; i += kBlockElements)
      load(bytes + i * element_size(tensor.dtype), out.data() + at + i, std::min<uint64_t>(kBlockElements, count - i));
  };
  read_some(adapter.file, factor.tensor, first, first + out.size(), widen);
  if (!std::ranges::all_of(out, is_ordinary))
    throw Error(ErrorCode::malformed, adapter.file.path,
                sentence(adapter.file.path, ": tensor '", tensor.name,
                         "' holds NaN or Inf, which would spread over the whole weight: train or save it anew"));
}

std::vector<float> read_factor(const Adapter& adapter, const Factor& factor) {
  std::vector<float> values(factor_tensor(adapter, factor).count);
  read_elements(adapter, factor, 0, values);
  return values;
}

FactorMatrix read_matrix(const Adapter& adapter, const Factor& factor) {
  const Tensor tensor = factor_tensor(adapter, factor);
  return {rows_of(tensor.shape), columns_of(tensor.shape), read_factor(adapter, factor)};
}

FactorMatrix read_transposed(const Adapter& adapter, const Factor& factor) {
  const Shape shape = factor_tensor(adapter, factor).shape;
  FactorMatrix turned{columns_of(shape), rows_of(shape), std::vector<float>(columns_of(shape) * rows_of(shape))};
  std::vector<float> some;
  for (uint64_t i = 0; i < turned.columns; ++i)
    for (uint64_t at = 0; at < turned.rows; at += some.size()) {
      some.resize(std::min(turned.rows - at, kReadAtATime));
      read_elements(adapter, factor, i * turned.rows + at, some);
      for (uint64_t j = 0; j < some.size(); ++j) turned.row(at + j)[i] = some[j];
    }
  return turned;
}

std::vector<uint64_t> read_indices(const Adapter& adapter, const Factor& factor) {
  const Tensor tensor = factor_tensor(adapter, factor);
  std::vector<uint64_t> numbers(tensor.count);
  const auto take = [&](const std::byte* bytes, uint64_t at, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i)
      numbers[at + i] = whole_number(tensor.dtype, bytes + i * element_size(tensor.dtype));
  };
  read_some(adapter.file, factor.tensor, 0, tensor.count, take);
  if (std::ranges::find(numbers, UINT64_MAX) != numbers.end())
    throw Error(ErrorCode::malformed, adapter.file.path,
                sentence(adapter.file.path, ": tensor '", tensor.name,
                         "' should hold places, and holds a number that is none"));
  return numbers;
}

uint64_t columns_of(Shape shape) {
  uint64_t columns = 1;
  for (size_t i = 1; i < shape.size(); ++i) columns *= shape[i];
  return columns;
}

uint64_t rows_of(Shape shape) { return shape.empty() ? 1 : shape.front(); }

std::string lacking_factor(const AdapterModule& module, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (!find_factor(module, name)) return sentence("it has no ", name);
  return {};
}

std::string unfit_factor(const Adapter& adapter, const AdapterModule& module,
                         std::initializer_list<std::string_view> whole) {
  for (const Factor& factor : module.factors) {
    if (factor.name == "dora_scale" || factor.name == "lora_magnitude_vector")
      return sentence("it has ", factor.name, ", which makes it a DoRA");
    const bool is_whole = std::ranges::find(whole, factor.name) != whole.end();
    const DtypeInfo& dtype = info(factor_tensor(adapter, factor).dtype);
    if (factor.name != "alpha" && dtype.kind != (is_whole ? DtypeKind::integer : DtypeKind::real))
      return sentence(factor.name, " is ", dtype.name, ", which is no ", is_whole ? "place" : "number to compute with");
  }
  return {};
}

std::string misfit(std::string_view factor, uint64_t has, std::string_view what, std::string_view other,
                   uint64_t expected) {
  if (has == 1 && what.ends_with('s')) what.remove_suffix(1);
  return sentence(factor, " has ", has, " ", what, ", ", other, " ", expected);
}

std::string misfit(std::string_view factor, Shape shape, const ModuleWeight& weight) {
  return sentence(factor, " is ", shape_text(shape), ", and the weight ", shape_text(weight.shape));
}

std::string misfit(const ModuleWeight& weight, bool turned, std::string_view up, uint64_t rows, std::string_view down,
                   uint64_t columns) {
  const uint64_t out = turned ? weight.columns() : weight.rows(), in = turned ? weight.rows() : weight.columns();
  if (rows != out) return misfit(up, rows, "rows", "the weight", out);
  return columns == in ? "" : misfit(down, columns, "columns", "the weight", in);
}

}  // namespace ckmerge
