// SPDX-License-Identifier: Apache-2.0
#include "tests/core/adapters/small_adapters.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>

#include "io/table/tensor_reader.h"

namespace ckmerge::test {
namespace {

FileTensor random_values(const std::string& name, const std::vector<uint64_t>& shape, uint64_t seed) {
  uint64_t count = 1;
  for (const uint64_t extent : shape) count *= extent;
  std::mt19937_64 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-52 - 1);
  return f32(name, shape, values);
}

FileTensor base_tensor(const std::vector<uint64_t>& shape) { return random_values("w", shape, 99); }

Dense as_dense(const std::vector<uint64_t>& shape, const std::string& bytes) {
  Dense values(shape.empty() ? 1 : shape[0], bytes.size() / sizeof(float) / (shape.empty() ? 1 : shape[0]));
  for (size_t i = 0; i < values.values.size(); ++i) {
    float value = 0;
    std::memcpy(&value, bytes.data() + i * sizeof(float), sizeof(float));
    values.values[i] = value;
  }
  return values;
}

}  // namespace

Dense dense(uint64_t rows, uint64_t columns, const std::function<double(uint64_t, uint64_t)>& value) {
  Dense made(rows, columns);
  for (uint64_t i = 0; i < rows; ++i)
    for (uint64_t j = 0; j < columns; ++j) made(i, j) = value(i, j);
  return made;
}

Dense operator*(const Dense& a, const Dense& b) {
  REQUIRE(a.columns == b.rows);
  return dense(a.rows, b.columns, [&](uint64_t i, uint64_t j) {
    double sum = 0;
    for (uint64_t k = 0; k < a.columns; ++k) sum += a(i, k) * b(k, j);
    return sum;
  });
}

Dense operator*(double a, const Dense& b) {
  return dense(b.rows, b.columns, [&](uint64_t i, uint64_t j) { return a * b(i, j); });
}

Dense operator+(const Dense& a, const Dense& b) {
  REQUIRE(a.values.size() == b.values.size());
  return dense(a.rows, a.columns, [&](uint64_t i, uint64_t j) { return a(i, j) + b(i, j); });
}

Dense turned(const Dense& a) {
  return dense(a.columns, a.rows, [&](uint64_t i, uint64_t j) { return a(j, i); });
}

SmallAdapter::SmallAdapter(const char* kind, const std::vector<FactorSpec>& factors)
    : adapter_(std::make_shared<Adapter>()) {
  for (const FactorSpec& factor : factors)
    tensors_.push_back(factor.bits.empty() ? random_values("m." + factor.name, factor.shape, tensors_.size())
                                           : bits("m." + factor.name, factor.dtype, factor.shape, factor.bits));
  adapter_->file = memory_.open("adapter", tensors_);
  AdapterModule& module = adapter_->modules.emplace_back();
  module.name = "m";
  module.kind = find_adapter_kind(kind);
  REQUIRE(module.kind);
  for (size_t i = 0; i < adapter_->file.tensors.size(); ++i)
    module.factors.push_back({adapter_->file.tensors.name(i).substr(2), static_cast<uint32_t>(i)});
}

Dense SmallAdapter::operator[](const std::string& name) const {
  const auto found = std::ranges::find(tensors_, "m." + name, &FileTensor::name);
  REQUIRE(found != tensors_.end());
  return as_dense(found->shape, found->bytes);
}

Checkpoint SmallAdapter::changes(const ModuleWeight& weight, double strength, const std::vector<uint64_t>& shape,
                                 const ModulePlace& place) {
  const Checkpoint base = memory_.open("base", {base_tensor(shape.empty() ? weight.shape : shape)});
  AdapterTargets targets;
  ModulePlace whole = place;
  if (whole.row_count == 0) whole.row_count = weight.rows();
  targets.adapted.push_back({.tensor = 0, .places = {whole}, .weights = {weight}});
  return made_changes(adapter_, targets, base, [&](std::string_view, const AdapterModule&) { return strength; });
}

Dense base_weight(const std::vector<uint64_t>& shape) { return as_dense(shape, base_tensor(shape).bytes); }

std::string bytes_of(const Checkpoint& checkpoint, size_t row, uint64_t begin, uint64_t end) {
  std::string bytes(end - begin, '\0');
  TensorReader().read(checkpoint, row, begin, end, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

std::vector<float> values_of(const Checkpoint& checkpoint, size_t row) {
  std::vector<float> values(checkpoint.tensors[row].count);
  const std::string bytes = bytes_of(checkpoint, row, 0, values.size() * sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void check_change(SmallAdapter& adapter, const ModuleWeight& weight, double strength, const Dense& expected,
                  double bound) {
  REQUIRE(adapter.fault(weight) == "");
  const Checkpoint changes = adapter.changes(weight, strength);
  REQUIRE(changes.tensors.size() == 1);
  const std::vector<float> made = values_of(changes, 0);
  REQUIRE(made.size() == expected.values.size());
  double greatest = 0, error = 0;
  for (size_t i = 0; i < made.size(); ++i) {
    greatest = std::max(greatest, std::abs(expected.values[i]));
    error = std::max(error, std::abs(made[i] - expected.values[i]));
  }
  CHECK(greatest > 0);
  CHECK(error <= bound * greatest);
  const std::string whole = bytes_of(changes, 0, 0, made.size() * sizeof(float));
  std::mt19937 random(7);
  for (int cut = 0; cut < 20; ++cut) {
    uint64_t begin = random() % whole.size(), end = random() % whole.size() + 1;
    if (begin >= end) std::swap(begin, --end), ++end;
    CHECK(bytes_of(changes, 0, begin, end) == whole.substr(begin, end - begin));
  }
  const Dense base = base_weight(weight.shape);
  const ReadRows read = [&](uint64_t first, uint64_t count, std::span<float> out) {
    for (uint64_t i = 0; i < count * weight.columns(); ++i)
      out[i] = static_cast<float>(base.values[first * weight.columns() + i]);
  };
  const AdapterModule& module = adapter.module();
  CHECK(module.kind->open(adapter.adapter(), module, weight, strength, read)->memory() <=
        module.kind->memory(adapter.adapter(), module, weight) + 1024);
}

}  // namespace ckmerge::test
