// SPDX-License-Identifier: Apache-2.0
// Which magnitudes of a whole tensor stay, equal ones as torch leaves them: the tensor is sorted in memory, 8 bytes an
// element, and what stays is held as a bit an element for the tiles in flight. mergekit sorts magnitudes in f32,
// those of f64 rounded to it.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/matrices/made_results.h"
#include "core/orders/delta_reader.h"
#include "core/orders/order_source.h"
#include "core/orders/torch_order.h"
#include "kernels/magnitudes.h"

namespace ckmerge {
namespace {

constexpr uint64_t kReadAtATime = 64 << 10;  // elements
constexpr uint64_t kPlacesBetweenChecks = 64 << 10;
constexpr uint16_t kOne = 0x3f80;  // in BF16

class StaysSource final : public OrderSource {
 public:
  StaysSource(OrderInputs inputs, std::shared_ptr<SortTurn> turn)
      : inputs_(std::move(inputs)), turn_(std::move(turn)) {}

  Dtype dtype() const override { return Dtype::BF16; }

  // A range may begin and end within a number.
  void read(const OrderedTensor& tensor, uint64_t begin, std::span<std::byte> out) override {
    const auto make = [&](unsigned) { return tensor.is_wide ? made<double>(tensor) : made<float>(tensor); };
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
    return tensor.count * sizeof(Entry) + DeltaReader<T>::memory(count) + count * sizeof(T) + bits +
           turn_->operands * MadeResults::memory(bits);
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
      reader.read(inputs_.operands[tensor.wanted.input], inputs_.operands[0], at, count, deltas.data());
      for (uint64_t i = 0; i < count; ++i)
        entries.push_back({magnitude_key(static_cast<float>(deltas[i])), static_cast<uint32_t>(at + i)});
    }
    return entries;
  }

  template <typename T>
  std::vector<std::byte> made(const OrderedTensor& tensor) const {
    const std::lock_guard turn(turn_->mutex);
    std::vector<Entry> entries = entries_of<T>(tensor);
    const bool descending = tensor.wanted.kind == MadeOperand::Kind::torch_stays;
    sort_as_torch(std::span<Entry>(entries), descending, inputs_.hands);
    const MadeOperand::Range& range = tensor.wanted.stays;
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

  const OrderInputs inputs_;
  const std::shared_ptr<SortTurn> turn_;
  MadeResults results_;
};

}  // namespace

std::unique_ptr<OrderSource> stays_source(OrderInputs inputs, std::shared_ptr<SortTurn> turn) {
  return std::make_unique<StaysSource>(std::move(inputs), std::move(turn));
}

}  // namespace ckmerge
