// SPDX-License-Identifier: Apache-2.0
// Adapters of one module with random factors, and what they must make of a weight, in plain loops over f64.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/adapters/adapter_kind.h"
#include "core/adapters/made_changes.h"
#include "tests/core/memory_checkpoints.h"

namespace ckmerge::test {

/// A matrix of f64, its rows one after another.
struct Dense {
  uint64_t rows = 0, columns = 0;
  std::vector<double> values;

  Dense() = default;
  Dense(uint64_t rows, uint64_t columns) : rows(rows), columns(columns), values(rows * columns) {}
  double& operator()(uint64_t i, uint64_t j) { return values[i * columns + j]; }
  double operator()(uint64_t i, uint64_t j) const { return values[i * columns + j]; }
};
/// Of elements that `value(i, j)` gives.
Dense dense(uint64_t rows, uint64_t columns, const std::function<double(uint64_t, uint64_t)>& value);
Dense operator*(const Dense& a, const Dense& b);  ///< the matrix product
Dense operator*(double a, const Dense& b);
Dense operator+(const Dense& a, const Dense& b);
Dense turned(const Dense& a);

/// A factor of shape `shape`: random values of F32, or those given, of any dtype.
struct FactorSpec {
  std::string name;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> bits = {};  ///< of its elements; empty: random
  Dtype dtype = Dtype::F32;
};

class SmallAdapter {
 public:
  SmallAdapter(const char* kind, const std::vector<FactorSpec>& factors);

  AdapterModule& module() { return adapter_->modules.front(); }
  void set_maker(AdapterMaker maker) { adapter_->maker = maker; }
  const Adapter& adapter() const { return *adapter_; }
  std::shared_ptr<const Adapter> shared() const { return adapter_; }
  /// The factor's values, its first dimension as rows.
  Dense operator[](const std::string& name) const;

  std::string fault(const ModuleWeight& weight) { return module().kind->fault(adapter(), module(), weight); }
  /// The differences of a checkpoint whose only tensor `w` is the weight, or has other rows or columns of it.
  Checkpoint changes(const ModuleWeight& weight, double strength, const std::vector<uint64_t>& shape = {},
                     const ModulePlace& place = {});

 private:
  std::vector<FileTensor> tensors_;
  MemoryCheckpoints memory_;
  std::shared_ptr<Adapter> adapter_;
};

/// The random weight that changes() changes.
Dense base_weight(const std::vector<uint64_t>& shape);

/// The bytes [begin, end) of tensor number `row` of `checkpoint`.
std::string bytes_of(const Checkpoint& checkpoint, size_t row, uint64_t begin, uint64_t end);
std::vector<float> values_of(const Checkpoint& checkpoint, size_t row);

/// CHECKs that the adapter changes a weight by `expected`, within `bound` of its greatest element; by the same bits for
/// every cut of its bytes; and in no more memory than it said.
void check_change(SmallAdapter& adapter, const ModuleWeight& weight, double strength, const Dense& expected,
                  double bound = 1e-6);

}  // namespace ckmerge::test
