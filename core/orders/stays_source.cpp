// SPDX-License-Identifier: Apache-2.0
// Which elements of a whole tensor stay, by their magnitude or variance, equal ones as torch leaves them: the tensor is
// sorted in memory, 8 bytes an element, and what stays is held as a bit an element for the tiles in flight. mergekit
// sorts magnitudes in f32, those of f64 rounded to it; variances of f64, of 16 bytes an element, are such there.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/matrices/made_results.h"
#include "core/orders/delta_reader.h"
#include "core/orders/order_source.h"
#include "core/orders/torch_order.h"
#include "core/orders/variances.h"
#include "kernels/magnitudes.h"

namespace ckmerge {
namespace {

constexpr uint64_t kReadAtATime = 64 << 10;  // elements
constexpr uint64_t kPlacesBetweenChecks = 64 << 10;
constexpr uint16_t kOne = 0x3f80;  // in BF16

class StaysSource final : public OrderSource {
 public:
  StaysSource(OrderInputs inputs, std::shared_ptr<SharedOrders> shared)
      : inputs_(std::move(inputs)), shared_(std::move(shared)) {}

  Dtype dtype() const override { return Dtype::BF16; }

  // A range may begin and end within a number.
  void read(const OrderedTensor& tensor, uint64_t begin, std::span<std::byte> out) override {
    const auto make = [&](unsigned) {
      const std::lock_guard turn(shared_->turn);
      if (is_of_variances(tensor)) return tensor.is_wide ? of_variances<double>(tensor) : of_variances<float>(tensor);
      return tensor.is_wide ? of_magnitudes<double>(tensor) : of_magnitudes<float>(tensor);
    };
    const MadeResults::Bytes bytes = results_.get(tensor.begin, memory(tensor), make);
    const uint64_t first = begin / sizeof kOne, end = (begin + out.size() + sizeof kOne - 1) / sizeof kOne;
    std::vector<uint16_t> numbers(end - first);
    for (uint64_t i = first; i < end; ++i)
      numbers[i - first] = ((*bytes)[i / 8] & bit_of(i)) != std::byte{0} ? kOne : uint16_t{0};
    std::memcpy(out.data(), std::as_bytes(std::span(numbers)).data() + begin % sizeof kOne, out.size());
  }

  uint64_t memory(const OrderedTensor& tensor) const override {
    return tensor.is_wide ? memory_of<double>(tensor) : memory_of<float>(tensor);
  }

 private:
  using Entry = KeyedIndex<uint32_t>;

  static std::byte bit_of(uint64_t i) { return std::byte{1} << (i % 8); }
  static uint64_t bytes_for(uint64_t count) { return (count + 7) / 8; }

  template <typename T>
  uint64_t memory_of(const OrderedTensor& tensor) const {
    const uint64_t count = std::min(tensor.count, kReadAtATime), bits = bytes_for(tensor.count);
    const bool of_variances = is_of_variances(tensor);
    const uint64_t entry = of_variances ? sizeof(VarianceKey<T>) : sizeof(Entry);
    return tensor.count * entry + DeltaReader<T>::memory(count) + count * sizeof(T) + bits +
           (of_variances ? VarianceSums<T>::memory(count) : 0) + shared_->sorted * MadeResults::memory(bits);
  }

  static bool is_of_variances(const OrderedTensor& tensor) {
    return tensor.wanted->kind == MadeOperand::Kind::torch_variances;
  }

  template <typename T>
  std::vector<Entry> entries_of(const OrderedTensor& tensor) const {
    std::vector<Entry> entries;  // grows as it is filled: memory that is new takes as long as what is written there
    entries.reserve(tensor.count);
    std::vector<T> deltas(std::min(tensor.count, kReadAtATime));
    DeltaReader<T> reader(*inputs_.checkpoints, inputs_.first().tensors[tensor.row].name);
    for (uint64_t at = 0; at < tensor.count; at += kReadAtATime) {
      const uint64_t count = std::min(kReadAtATime, tensor.count - at);
      inputs_.hands.check();
      reader.read(inputs_.operands[tensor.wanted->input], inputs_.operands[0], at, count, deltas.data());
      for (uint64_t i = 0; i < count; ++i)
        entries.push_back({magnitude_key(static_cast<float>(deltas[i])), static_cast<uint32_t>(at + i)});
    }
    return entries;
  }

  template <typename T>
  std::vector<std::byte> of_magnitudes(const OrderedTensor& tensor) const {
    std::vector<Entry> entries = entries_of<T>(tensor);
    const bool descending = tensor.wanted->kind == MadeOperand::Kind::torch_stays;
    sort_as_torch(std::span<Entry>(entries), descending, inputs_.hands);
    const MadeOperand::Range& range = tensor.wanted->stays;
    const uint64_t count = tensor.count, kept = std::min(count, range.kept(range.shares, count));
    const uint64_t outer = range.outer ? std::min(kept, range.outer(range.shares, count)) : 0;
    std::vector<std::byte> bytes(bytes_for(count));
    for (uint64_t place = outer; place < kept; ++place) {
      if (place % kPlacesBetweenChecks == 0) inputs_.hands.check();
      const uint32_t index = entries[descending ? place : count - 1 - place].index;
      bytes[index / 8] |= bit_of(index);
    }
    return bytes;
  }

  template <typename T>
  std::vector<VarianceKey<T>> variances_of(const OrderedTensor& tensor) const {
    std::vector<VarianceKey<T>> keys;
    keys.reserve(tensor.count);
    std::vector<T> deltas(std::min(tensor.count, kReadAtATime));
    VarianceSums<T> sums;
    DeltaReader<T> reader(*inputs_.checkpoints, inputs_.first().tensors[tensor.row].name);
    for (uint64_t at = 0; at < tensor.count; at += kReadAtATime) {
      const uint64_t count = std::min(kReadAtATime, tensor.count - at);
      sums.begin(count);
      for (size_t k = 1; k < inputs_.operands.size(); ++k) {
        inputs_.hands.check();
        reader.read(inputs_.operands[k], inputs_.operands[0], at, count, deltas.data());
        sums.add(std::span(deltas).first(count));
      }
      sums.append_to(keys);
    }
    return keys;
  }

  template <typename T>
  std::vector<std::byte> of_variances(const OrderedTensor& tensor) const {
    std::vector<VarianceKey<T>> keys = variances_of<T>(tensor);
    const auto varied =
        static_cast<uint64_t>(std::ranges::count_if(keys, [](const auto& one) { return one.key != 0; }));
    const MadeOperand::Range& range = tensor.wanted->stays;
    const uint64_t kept = std::min(tensor.count, range.kept(range.shares, varied));
    std::vector<std::byte> bytes(bytes_for(tensor.count));
    if (kept == 0) return bytes;
    choose_as_torch(std::span<VarianceKey<T>>(keys), kept, inputs_.hands);
    for (uint64_t place = 0; place < kept; ++place) {
      if (place % kPlacesBetweenChecks == 0) inputs_.hands.check();
      bytes[keys[place].index / 8] |= bit_of(keys[place].index);
    }
    return bytes;
  }

  const OrderInputs inputs_;
  const std::shared_ptr<SharedOrders> shared_;
  MadeResults results_;
};

}  // namespace

std::unique_ptr<OrderSource> stays_source(OrderInputs inputs, std::shared_ptr<SharedOrders> shared) {
  return std::make_unique<StaysSource>(std::move(inputs), std::move(shared));
}

}  // namespace ckmerge
