// SPDX-License-Identifier: Apache-2.0
// Ranks of magnitudes, equal ones as torch leaves them.
#include <cstring>
#include <string_view>
#include <utility>

#include "core/orders/delta_reader.h"
#include "core/orders/slab_source.h"
#include "core/orders/torch_order.h"
#include "core/threads/stop_pace.h"
#include "kernels/magnitudes.h"

namespace ckmerge {
namespace {

// One thread's room.
template <typename T>
class RankMaker {
 public:
  using Key = typename MagnitudeKey<T>::Type;

  RankMaker(const OrderInputs& inputs, const OrderedTensor& tensor, std::string_view name, const RankedLines& lines)
      : inputs_(inputs), tensor_(tensor), lines_(lines), reader_(*inputs.checkpoints, name), pace_(inputs.hands) {}

  void make(uint64_t first_slab, uint64_t count, float* out) {
    deltas_.resize(count * lines_.slab());
    const std::vector<WholeInput>& operands = inputs_.operands;
    reader_.read(operands[tensor_.wanted->input], operands[0], first_slab * lines_.slab(), deltas_.size(),
                 deltas_.data());
    for (uint64_t slab = 0; slab < count; ++slab)
      for (uint64_t line = 0; line < lines_.apart; ++line) {
        pace_.begin(lines_.length);
        rank_line(slab * lines_.slab() + line, out);
      }
  }

  static uint64_t memory(const RankedLines& lines, uint64_t count) {
    const uint64_t elements = count * lines.slab();
    return DeltaReader<T>::memory(elements) + elements * (sizeof(T) + sizeof(float)) +
           lines.length * sizeof(KeyedIndex<Key>);
  }

 private:
  void rank_line(uint64_t first, float* out) {
    if (lines_.length == 1) {
      out[first] = 0.5F;
      return;
    }
    const auto steps = static_cast<float>(lines_.length - 1);
    pairs_.resize(lines_.length);
    for (uint32_t i = 0; i < pairs_.size(); ++i) pairs_[i] = {magnitude_key(deltas_[first + i * lines_.apart]), i};
    sort_as_torch(std::span<KeyedIndex<Key>>(pairs_), false, inputs_.hands);
    for (uint32_t rank = 0; rank < pairs_.size(); ++rank)
      out[first + pairs_[rank].index * lines_.apart] = static_cast<float>(rank) / steps;
  }

  const OrderInputs& inputs_;
  const OrderedTensor& tensor_;
  const RankedLines lines_;
  DeltaReader<T> reader_;
  StopPace pace_;
  std::vector<T> deltas_;
  std::vector<KeyedIndex<Key>> pairs_;
};

class RankSource final : public SlabSource {
 public:
  RankSource(OrderInputs given, ptrdiff_t makers) : SlabSource(std::move(given), makers, 0) {}
  Dtype dtype() const override { return Dtype::F32; }

 private:
  template <typename T>
  std::vector<std::byte> ranks(const OrderedTensor& tensor, uint64_t slab, uint64_t count) const {
    const RankedLines lines = lines_of(tensor);
    std::vector<float> ranks(count * lines.slab());
    RankMaker<T>(inputs(), tensor, tensor_of(tensor).name, lines).make(slab, count, ranks.data());
    const std::span<const std::byte> bytes = std::as_bytes(std::span(ranks));
    return {bytes.begin(), bytes.end()};
  }

  std::vector<std::byte> make(const OrderedTensor& tensor, uint64_t slab, uint64_t count) override {
    return tensor.is_wide ? ranks<double>(tensor, slab, count) : ranks<float>(tensor, slab, count);
  }
  void put(std::span<const std::byte> held, uint64_t begin, std::span<std::byte> out) const override {
    std::memcpy(out.data(), held.data() + begin, out.size());
  }
  uint64_t held_size(uint64_t elements) const override { return elements * sizeof(float); }
  uint64_t making_memory(const OrderedTensor& tensor, uint64_t count) const override {
    const RankedLines lines = lines_of(tensor);
    return tensor.is_wide ? RankMaker<double>::memory(lines, count) : RankMaker<float>::memory(lines, count);
  }
};

}  // namespace

std::unique_ptr<OrderSource> rank_source(OrderInputs inputs, size_t operands) {
  const ptrdiff_t makers = slab_makers(inputs.hands, operands);
  return std::make_unique<RankSource>(std::move(inputs), makers);
}

}  // namespace ckmerge
