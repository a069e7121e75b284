// SPDX-License-Identifier: Apache-2.0
// Elements of what an input of a method has beyond its first one, as the merge's programs compute them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/formula/whole_terms.h"
#include "io/table/checkpoint.h"
#include "io/table/tensor_reader.h"

namespace ckmerge {

/// T is float, or double where an input is of F64.
template <typename T>
class DeltaReader {
 public:
  /// Of the tensor `name`, which all inputs have. What it points to must live as long as it does.
  DeltaReader(const std::vector<Checkpoint>& checkpoints, std::string_view name)
      : checkpoints_(checkpoints), name_(name) {}

  /// Elements [first, first + count) of `input` - `base`. Throws as InputFile::read_at() does.
  void read(const WholeInput& input, const WholeInput& base, uint64_t first, uint64_t count, T* out);

  /// Bytes that it holds for so many elements at a time, `out` not counted.
  static uint64_t memory(uint64_t count) { return count * (2 * sizeof(T) + sizeof(double)); }

 private:
  void load(uint32_t checkpoint, uint64_t first, uint64_t count, T* out);
  void load(const WholeInput& input, uint64_t first, uint64_t count, T* out);

  const std::vector<Checkpoint>& checkpoints_;
  std::string_view name_;
  TensorReader reader_;
  std::vector<std::byte> bytes_;
  std::vector<T> base_, beyond_;
};

extern template class DeltaReader<float>;
extern template class DeltaReader<double>;

}  // namespace ckmerge
