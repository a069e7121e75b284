// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/made_changes.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "core/adapters/made_rows.h"
#include "core/adapters/prepared_modules.h"

namespace ckmerge {
namespace {

// Of modules that nobody uses: those of small layers, between which the tiles in flight go back and forth.
constexpr uint64_t kMostIdle = 8 << 20;
// Of rows that are made at a time: what stays in the second cache; but twelve at least, which the kernel of products
// (kernels/matrix) makes together, or a whole group of rows.
constexpr uint64_t kRowsAtATime = 128 << 10, kFewestRows = 12;

struct MadeTensor {
  uint64_t begin = 0, size = 0;  ///< bytes, in the offsets that all share
  uint64_t columns = 0;
  std::vector<MadePlace> places = {};
};

class MadeBytes {
 public:
  MadeBytes(std::shared_ptr<const Adapter> adapter, uint64_t most_idle)
      : adapter_(std::move(adapter)), modules_(most_idle) {}

  void read(uint64_t offset, std::span<std::byte> out) {
    auto tensor = std::ranges::upper_bound(tensors_, offset, {}, &MadeTensor::begin) - 1;
    for (; !out.empty(); ++tensor) {
      const uint64_t first = offset - tensor->begin, here = std::min<uint64_t>(out.size(), tensor->size - first);
      make(*tensor, first, out.first(here));
      out = out.subspan(here);
      offset += here;
    }
  }

  const Adapter& adapter() const { return *adapter_; }
  PreparedModules& modules() { return modules_; }
  std::vector<MadeTensor>& tensors() { return tensors_; }

 private:
  // Whole rows around the range, a few at a time: where they lie within it and it can hold floats they are made in
  // place, else it takes its part.
  void make(const MadeTensor& tensor, uint64_t begin, std::span<std::byte> out) {
    const uint64_t row_size = tensor.columns * sizeof(float), end = begin + out.size();
    const uint64_t group = most_rows_together(modules_, tensor.places);
    const uint64_t step = std::max(group, std::max(kFewestRows, kRowsAtATime / row_size) / group * group);
    const uint64_t last = (end + row_size - 1) / row_size;
    std::vector<float> room;
    for (uint64_t first = begin / row_size, next = 0; first < last; first = next) {
      next = std::min(first / group * group + step, last);
      const uint64_t count = next - first, here = first * row_size, behind = next * row_size;
      const bool is_inside = here >= begin && behind <= end;
      std::byte* const place = is_inside ? out.data() + (here - begin) : nullptr;
      if (is_inside && reinterpret_cast<uintptr_t>(place) % alignof(float) == 0) {
        make_rows(tensor, first, count, {reinterpret_cast<float*>(place), count * tensor.columns});
        continue;
      }
      room.resize(count * tensor.columns);
      make_rows(tensor, first, count, room);
      const uint64_t from = std::max(begin, here), to = std::min(end, behind);
      std::memcpy(out.data() + (from - begin), reinterpret_cast<const std::byte*>(room.data()) + (from - here),
                  to - from);
    }
  }

  void make_rows(const MadeTensor& tensor, uint64_t first, uint64_t count, std::span<float> rows) {
    std::ranges::fill(rows, 0.0F);
    add_made_rows(modules_, tensor.places, tensor.columns, first, count, rows);
  }

  std::shared_ptr<const Adapter> adapter_;
  PreparedModules modules_;
  std::vector<MadeTensor> tensors_;  // by begin
};

// Modules are opened once for all their places where weight and strength are the same.
class Maker {
 public:
  Maker(std::shared_ptr<const Adapter> adapter, const AdapterTargets& targets, const Checkpoint& base,
        const StrengthOf& strength)
      : targets_(targets),
        base_(base),
        strength_(strength),
        bytes_(std::make_shared<MadeBytes>(std::move(adapter), kMostIdle)) {}

  Checkpoint make() {
    Checkpoint made;
    made.path = bytes_->adapter().file.path;
    made.form = bytes_->adapter().file.form;
    for (const AdaptedTensor& adapted : targets_.adapted) add(made, adapted);
    made.tensors.sort_by_name();
    const auto read = [bytes = bytes_](uint64_t offset, std::span<std::byte> out) { bytes->read(offset, out); };
    made.shards.emplace_back(MemoryBytes{.size = size_, .read = read}, made.path);
    return made;
  }

 private:
  void add(Checkpoint& made, const AdaptedTensor& adapted) {
    const Tensor tensor = base_.tensors[adapted.tensor];
    MadeTensor rows{.begin = size_, .size = tensor.count * sizeof(float)};
    for (size_t k = 0; k < adapted.places.size(); ++k) {
      const double strength = strength_(tensor.name, adapter().modules[adapted.places[k].module]);
      rows.columns = tensor_columns(tensor, adapted.weights[k]);
      if (strength != 0) rows.places.push_back(place(adapted.places[k], adapted.weights[k], strength));
    }
    if (rows.places.empty() || rows.size == 0) return;
    made.tensors.add(tensor.name, Dtype::F32, tensor.shape, 0, size_, rows.size, tensor.count);
    size_ += rows.size;
    bytes_->tensors().push_back(std::move(rows));
  }

  MadePlace place(const ModulePlace& place, const ModuleWeight& weight, double strength) {
    const AdapterModule& module = adapter().modules[place.module];
    MadePlace made{.place = place, .rows = weight.rows(), .columns = weight.columns()};
    if (!module.kind->adds) made.base = base_rows(place.module, weight);
    const bool sees_weight = weight.is_bias && module.kind->bias_sees_weight;
    const ModuleWeight* const seen = sees_weight ? whole_weight(place.module) : nullptr;
    made.module = opened(place.module, weight, strength, seen ? base_rows(place.module, *seen) : made.base);
    return made;
  }

  size_t opened(uint32_t number, const ModuleWeight& weight, double strength, const ReadRows& base) {
    auto& known = opened_[{number, strength}];
    for (const auto& [other, module] : known)
      if (other == weight) return module;
    const Adapter& adapter = bytes_->adapter();
    const size_t module = bytes_->modules().add([&adapter, number, weight, strength, base] {
      const AdapterModule& module = adapter.modules[number];
      return module.kind->open(adapter, module, weight, strength, base);
    });
    known.emplace_back(weight, module);
    return module;
  }

  ReadRows base_rows(uint32_t module, const ModuleWeight& weight) {
    std::vector<ModuleRows> rows;
    for (const auto& [tensor, k] : places_of(module))
      if (tensor->weights[k] == weight) rows.push_back({tensor->tensor, tensor->places[k]});
    if (!base_copy_) base_copy_ = std::make_shared<const Checkpoint>(base_);
    return [reader = std::make_shared<const BaseRows>(base_copy_, weight, std::move(rows))](
               uint64_t first, uint64_t count, std::span<float> out) { reader->read(first, count, out); };
  }

  // What is no bias of a module; null: there is none.
  const ModuleWeight* whole_weight(uint32_t module) {
    for (const auto& [tensor, k] : places_of(module))
      if (!tensor->weights[k].is_bias) return &tensor->weights[k];
    return nullptr;
  }

  using Places = std::vector<std::pair<const AdaptedTensor*, size_t>>;
  const Places& places_of(uint32_t module) {
    if (places_.empty())
      for (const AdaptedTensor& adapted : targets_.adapted)
        for (size_t k = 0; k < adapted.places.size(); ++k) places_[adapted.places[k].module].emplace_back(&adapted, k);
    return places_[module];
  }

  const Adapter& adapter() const { return bytes_->adapter(); }

  const AdapterTargets& targets_;
  const Checkpoint& base_;
  const StrengthOf& strength_;
  std::shared_ptr<MadeBytes> bytes_;
  std::shared_ptr<const Checkpoint> base_copy_;  // tables of what is adapted may be renamed afterwards
  uint64_t size_ = 0;
  std::map<uint32_t, Places> places_;
  std::map<std::pair<uint32_t, double>, std::vector<std::pair<ModuleWeight, size_t>>> opened_;
};

}  // namespace

Checkpoint made_changes(std::shared_ptr<const Adapter> adapter, const AdapterTargets& targets, const Checkpoint& base,
                        const StrengthOf& strength) {
  return Maker(std::move(adapter), targets, base, strength).make();
}

uint64_t changes_memory(const Adapter& adapter, const AdapterTargets& targets, size_t threads) {
  uint64_t largest = 0, all = 0, widest = 0;
  for (const AdaptedTensor& adapted : targets.adapted)
    for (size_t k = 0; k < adapted.places.size(); ++k) {
      const AdapterModule& module = adapter.modules[adapted.places[k].module];
      const uint64_t memory = module.kind->memory(adapter, module, adapted.weights[k]);
      largest = std::max(largest, memory);
      all += memory;
      widest = std::max(widest, adapted.weights[k].columns() * sizeof(float));
    }
  // Made, and a group of them before and after.
  const uint64_t rows = threads * 3 * std::max(kRowsAtATime, kFewestRows * widest);
  return std::min(all, threads * largest + std::max(largest, kMostIdle)) + rows;
}

}  // namespace ckmerge
