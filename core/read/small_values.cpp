// SPDX-License-Identifier: Apache-2.0
#include "core/read/small_values.h"

#include <algorithm>
#include <cstring>

#include "io/table/tensor_reader.h"
#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

template <typename Integer>
void widen(const std::byte* bytes, std::vector<double>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    Integer integer;
    std::memcpy(&integer, bytes + i * sizeof(Integer), sizeof(Integer));
    values[i] = static_cast<double>(integer);
  }
}

bool widen_integers(Dtype dtype, const std::byte* bytes, std::vector<double>& values) {
  switch (dtype) {
    case Dtype::BOOL:
    case Dtype::U8: widen<uint8_t>(bytes, values); return true;
    case Dtype::I8: widen<int8_t>(bytes, values); return true;
    case Dtype::I16: widen<int16_t>(bytes, values); return true;
    case Dtype::U16: widen<uint16_t>(bytes, values); return true;
    case Dtype::I32: widen<int32_t>(bytes, values); return true;
    case Dtype::U32: widen<uint32_t>(bytes, values); return true;
    case Dtype::I64: widen<int64_t>(bytes, values); return true;
    case Dtype::U64: widen<uint64_t>(bytes, values); return true;
    default: return false;
  }
}

void widen_reals(Dtype dtype, const std::byte* bytes, std::vector<double>& values) {
  const BlockKernels& kernels = *find_kernels("baseline");
  for (size_t at = 0; at < values.size(); at += kBlockElements)
    kernels.load64[static_cast<size_t>(dtype)](bytes + at * element_size(dtype), values.data() + at,
                                               std::min<size_t>(kBlockElements, values.size() - at));
}

}  // namespace

std::optional<std::vector<double>> small_values(const Checkpoint& checkpoint, size_t row) {
  const Tensor tensor = checkpoint.tensors[row];
  if (tensor.count > kMostSmallValues || info(tensor.dtype).kind == DtypeKind::opaque) return std::nullopt;
  std::vector<std::byte> bytes(tensor.size);
  TensorReader().read(checkpoint, row, 0, bytes.size(), bytes.data());
  std::vector<double> values(tensor.count);
  if (is_real(tensor.dtype)) {
    widen_reals(tensor.dtype, bytes.data(), values);
    return values;
  }
  if (widen_integers(tensor.dtype, bytes.data(), values)) return values;
  return std::nullopt;
}

}  // namespace ckmerge
