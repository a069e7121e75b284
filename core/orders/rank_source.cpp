// SPDX-License-Identifier: Apache-2.0
// Ranks of magnitudes, made slab by slab: what one index of the first dimension spans, a row of a matrix, or for each
// place of a convolution's kernel the input channels. Slabs that are wanted whole, as most are, are made where they are
// wanted; those that a tile ends in are held for the next. Slabs are small but of vectors, of which there is one.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <semaphore>
#include <string_view>
#include <utility>

#include "core/matrices/made_results.h"
#include "core/orders/delta_reader.h"
#include "core/orders/magnitude_ranks.h"
#include "core/orders/order_source.h"
#include "core/orders/torch_order.h"
#include "kernels/magnitudes.h"

namespace ckmerge {
namespace {

// How many threads make slabs at once: their memory is what the plan tells.
constexpr ptrdiff_t kMakers = 8;
// Slabs that are made one after another have so many elements, which stay in the second cache.
constexpr uint64_t kElementsAtATime = 16 << 10;
// A held slab keeps out those who want another with the same remainder, and no others.
constexpr uint64_t kShelves = 8;
constexpr uint64_t kLinesBetweenChecks = 64;

// How the lines along which there are ranks lie in a tensor.
struct RankedLines {
  uint64_t slabs = 1, length = 1, apart = 1;  // apart: elements from one of a line to the next; lines of a slab

  explicit RankedLines(Shape shape) {
    if (shape.size() == 1) length = shape[0];
    if (shape.size() < 2) return;
    slabs = shape[0];
    length = shape[1];
    for (const uint64_t dimension : shape.subspan(2)) apart *= dimension;
  }
  uint64_t slab() const { return length * apart; }
  uint64_t at_a_time() const { return std::min(slabs, std::max<uint64_t>(1, kElementsAtATime / slab())); }
};

// One thread's room.
template <typename T>
class RankMaker {
 public:
  using Key = typename MagnitudeKey<T>::Type;

  RankMaker(const OrderInputs& inputs, const OrderedTensor& tensor, std::string_view name, const RankedLines& lines)
      : inputs_(inputs), tensor_(tensor), lines_(lines), reader_(*inputs.checkpoints, name) {}

  void make(uint64_t first_slab, uint64_t count, float* out) {
    deltas_.resize(count * lines_.slab());
    const std::vector<WholeInput>& operands = inputs_.operands;
    reader_.read(operands[tensor_.wanted.input], operands[0], first_slab * lines_.slab(), deltas_.size(),
                 deltas_.data());
    for (uint64_t slab = 0; slab < count; ++slab)
      for (uint64_t line = 0; line < lines_.apart; ++line) {
        if (line % kLinesBetweenChecks == 0) inputs_.hands.check();
        rank_line(slab * lines_.slab() + line, out);
      }
  }

  static uint64_t memory(const RankedLines& lines) {
    const uint64_t count = lines.at_a_time() * lines.slab();
    return DeltaReader<T>::memory(count) + count * (sizeof(T) + sizeof(float)) +
           lines.length * (sizeof(Key) + sizeof(KeyedIndex<Key>)) + KeySorter<Key>::memory(lines.length);
  }

 private:
  void rank_line(uint64_t first, float* out) {
    if (lines_.length == 1) {
      out[first] = 0.5F;
      return;
    }
    const auto steps = static_cast<float>(lines_.length - 1);
    const auto put = [&](uint32_t rank, uint64_t index) {
      out[first + index * lines_.apart] = static_cast<float>(rank) / steps;
    };
    keys_.resize(lines_.length);
    for (uint64_t i = 0; i < lines_.length; ++i) keys_[i] = magnitude_key(deltas_[first + i * lines_.apart]);
    if (tensor_.wanted.kind == MadeOperand::Kind::rank) {
      const std::span<const uint32_t> ranks = sorter_.ranks(keys_);
      for (uint64_t i = 0; i < ranks.size(); ++i) put(ranks[i], i);
      return;
    }
    pairs_.resize(lines_.length);
    for (uint32_t i = 0; i < pairs_.size(); ++i) pairs_[i] = {keys_[i], i};
    sort_as_torch(std::span<KeyedIndex<Key>>(pairs_), false, inputs_.hands);
    for (uint32_t rank = 0; rank < pairs_.size(); ++rank) put(rank, pairs_[rank].index);
  }

  const OrderInputs& inputs_;
  const OrderedTensor& tensor_;
  const RankedLines lines_;
  DeltaReader<T> reader_;
  KeySorter<Key> sorter_;
  std::vector<T> deltas_;
  std::vector<Key> keys_;
  std::vector<KeyedIndex<Key>> pairs_;
};

class RankSource final : public OrderSource {
 public:
  explicit RankSource(OrderInputs inputs) : inputs_(std::move(inputs)) {}

  Dtype dtype() const override { return Dtype::F32; }

  void read(const OrderedTensor& tensor, uint64_t begin, std::span<std::byte> out) override {
    if (tensor.is_wide)
      read<double>(tensor, begin, out);
    else
      read<float>(tensor, begin, out);
  }

  uint64_t memory(const OrderedTensor& tensor) const override {
    const RankedLines lines = lines_of(tensor);
    const uint64_t one = tensor.is_wide ? RankMaker<double>::memory(lines) : RankMaker<float>::memory(lines);
    const uint64_t makers = std::min<uint64_t>(lines.slabs, kMakers);
    return makers * one + std::min(lines.slabs, kShelves) * MadeResults::memory(lines.slab() * sizeof(float));
  }

 private:
  Tensor tensor_of(const OrderedTensor& tensor) const { return inputs_.first().tensors[tensor.row]; }
  RankedLines lines_of(const OrderedTensor& tensor) const { return RankedLines(tensor_of(tensor).shape); }

  template <typename T>
  void read(const OrderedTensor& tensor, uint64_t begin, std::span<std::byte> out) {
    const RankedLines lines = lines_of(tensor);
    const uint64_t slab_size = lines.slab() * sizeof(float);
    while (!out.empty()) {
      const uint64_t slab = begin / slab_size, inside = begin % slab_size, whole = out.size() / slab_size;
      const uint64_t here = inside == 0 && whole > 0 ? std::min(whole, lines.at_a_time()) * slab_size
                                                     : std::min<uint64_t>(out.size(), slab_size - inside);
      if (inside == 0 && whole > 0) {
        const std::vector<std::byte> made = make<T>(tensor, lines, slab, here / slab_size);
        std::memcpy(out.data(), made.data(), here);
      } else {
        std::memcpy(out.data(), held<T>(tensor, lines, slab)->data() + inside, here);
      }
      begin += here;
      out = out.subspan(here);
    }
  }

  template <typename T>
  MadeResults::Bytes held(const OrderedTensor& tensor, const RankedLines& lines, uint64_t slab) {
    const uint64_t place = tensor.begin + slab * lines.slab() * sizeof(float);  // no other slab's
    return shelves_[slab % kShelves].get(place, 0, [&](unsigned) { return make<T>(tensor, lines, slab, 1); });
  }

  template <typename T>
  std::vector<std::byte> make(const OrderedTensor& tensor, const RankedLines& lines, uint64_t slab, uint64_t count) {
    makers_.acquire();
    const struct Leaving {
      std::counting_semaphore<>& makers;
      ~Leaving() { makers.release(); }
    } leaving{makers_};
    std::vector<float> ranks(count * lines.slab());
    RankMaker<T>(inputs_, tensor, tensor_of(tensor).name, lines).make(slab, count, ranks.data());
    const std::span<const std::byte> bytes = std::as_bytes(std::span(ranks));
    return {bytes.begin(), bytes.end()};
  }

  const OrderInputs inputs_;
  std::counting_semaphore<> makers_{kMakers};
  std::array<MadeResults, kShelves> shelves_;
};

}  // namespace

std::unique_ptr<OrderSource> rank_source(OrderInputs inputs) { return std::make_unique<RankSource>(std::move(inputs)); }

}  // namespace ckmerge
