// SPDX-License-Identifier: Apache-2.0
// What a kind of adapter makes of a weight. A kind is one file in core/adapters/kinds and one row of adapter_kinds().
// A weight is seen as a matrix: dimension 0 are its rows, all others together its columns; its elements are f32.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/adapters/adapter.h"

namespace ckmerge {

/// The weight of a module, as the module that the adapter was trained on has it.
struct ModuleWeight {
  std::vector<uint64_t> shape;  ///< (out, in), (out, in, k..), (vocabulary, dim); never empty
  /// The checkpoint has its transpose (GPT-2's Conv1D): `shape` is the checkpoint's, (in, out), and so are the rows
  /// that are asked for.
  bool transposed = false;
  bool is_embedding = false;
  bool is_bias = false;  ///< what is asked for is the module's bias: shape (out)
  /// The weight is this many matrices, the rows of one after those of the other: `shape` is (experts * out, in), or,
  /// transposed, (experts * in, out).
  uint64_t experts = 1;

  friend bool operator==(const ModuleWeight&, const ModuleWeight&) = default;

  uint64_t rows() const { return shape.front(); }
  uint64_t columns() const;  ///< product of the other dimensions
};

/// Rows of the weight as the checkpoint has it, for kinds that need others than those that they are given.
/// Copies rows [first, first + count) as f32 into `out`. Thread-safe; throws as InputFile::read_at() does.
using ReadRows = std::function<void(uint64_t first, uint64_t count, std::span<float> out)>;

/// The factors of one module, ready to be used by several threads at once.
class ModuleChange {
 public:
  virtual ~ModuleChange() = default;
  /// Changes rows [first, first + count) of the weight in place: `weight` holds them, one after another. `first` and
  /// `count` are multiples of row_group(), but that the last group may be short. The same bits however rows are cut.
  virtual void apply(uint64_t first, uint64_t count, std::span<float> weight) const = 0;
  /// Rows that hang on each other: 1 where each is made by itself.
  virtual uint64_t row_group() const { return 1; }
  /// Bytes that it holds.
  virtual uint64_t memory() const = 0;
};

/// Which tensors of a module its factors change.
struct ChangedParts {
  bool weight = true, bias = false;
};

struct AdapterKind {
  std::string_view name;  ///< "LoRA", "LoHa": as io/table/adapter_rows calls it
  /// Whether apply() adds something to the weight that does not depend on it.
  bool adds = true;
  /// Whether open() for a bias is given the rows of the module's weight, not those of the bias.
  bool bias_sees_weight = false;
  /// What is wrong with the factors of `module` for `weight`, from headers alone; empty: nothing. One clause:
  /// "lora_A.weight has 64 columns, the weight 128".
  std::string (*fault)(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight);
  /// Upper bound of memory() and of what apply() takes besides for one group of rows, from headers alone.
  uint64_t (*memory)(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight);
  /// Reads the factors. `strength` is the user's; where it goes is the kind's business. REQUIRES: fault() is empty.
  /// Throws as InputFile::read_at() does; Error(malformed) for factors that hold NaN or Inf.
  std::unique_ptr<ModuleChange> (*open)(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& base);
  /// Null: the weight alone.
  ChangedParts (*parts)(const Adapter& adapter, const AdapterModule& module) = nullptr;
};

/// All kinds that can be merged; those that cannot are refused where files are read (core/adapters/adapter_file).
std::span<const AdapterKind* const> adapter_kinds();
const AdapterKind* find_adapter_kind(std::string_view name);

}  // namespace ckmerge
