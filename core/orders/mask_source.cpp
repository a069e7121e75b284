// SPDX-License-Identifier: Apache-2.0
// Masks whose shares hang on ranks of magnitudes, a bit an element.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/orders/delta_reader.h"
#include "core/orders/line_mask.h"
#include "core/orders/slab_source.h"
#include "core/threads/stop_pace.h"
#include "kernels/block_kernels.h"
#include "kernels/program.h"

namespace ckmerge {
namespace {

// Of a slab that has more elements, lines are masked in strips of so many.
constexpr uint64_t kStrip = 4 << 20;
// Bytes that masks of a recipe are held in between two walks: a bit an element, 64 million elements of three operands.
constexpr uint64_t kHeld = 24 << 20;
constexpr uint64_t kReadAtATime = 256 << 10;  // elements
// Rows of a strip are read together, with what lies between them, where that is less than two readings of a file cost;
// so many elements at a time, which stay in the second cache.
constexpr uint64_t kReadAlong = 512, kStaged = 32 << 10;
// Lines beside one another are taken out and put back together, as many as share a cache line and are no more elements
// than stay in the second cache; the room of each is a little longer, lest all fall into the same ways of the first.
constexpr uint64_t kTogether = 16, kElementsTogether = 32 << 10, kGap = 16;

// Of eight bytes that are 0 or 1, the first the lowest: as bits of one. Byte i goes from bit 8 * i to bit 56 + i.
constexpr uint64_t packed(uint64_t bytes) { return bytes * 0x0102040810204080 >> 56; }

// 1 in BF16 for each bit of a byte that is 1.
using EightNumbers = std::array<uint16_t, 8>;
constexpr std::array<EightNumbers, 256> kNumbersOfBits = [] {
  std::array<EightNumbers, 256> all{};
  for (unsigned bits = 0; bits < all.size(); ++bits)
    for (unsigned i = 0; i < 8; ++i) all[bits][i] = static_cast<uint16_t>((bits >> i & 1U) * 0x3f80U);
  return all;
}();

// One thread's room.
template <typename T>
class MaskMaker {
 public:
  using Key = typename MagnitudeKey<T>::Type;

  MaskMaker(const OrderInputs& inputs, const OrderedTensor& tensor, std::string_view name, const RankedLines& lines)
      : inputs_(inputs),
        wanted_(*tensor.wanted),
        lines_(lines),
        reader_(*inputs.checkpoints, name),
        line_mask_(wanted_.mask, lines.length, inputs.hands),
        pace_(inputs.hands),
        key_(uniform_key(static_cast<uint64_t>(wanted_.seed), method_number(wanted_.mask.method), wanted_.input,
                         name)) {}

  // `bits` are those of the slabs, all 0 at first.
  void make(uint64_t first_slab, uint64_t count, std::byte* bits) {
    const uint64_t first = first_slab * lines_.slab(), width = strip_width(lines_);
    inputs_.hands.check();
    if (width == lines_.apart) {
      const uint64_t elements = count * lines_.slab();
      resize(elements);
      load(first, elements, deltas_.data(), drawn_.data());
      for (uint64_t slab = 0; slab < count; ++slab) mask_lines(slab * lines_.slab(), width);
      put(0, elements, 0, bits);
      return;
    }
    for (uint64_t slab = 0; slab < count; ++slab)
      for (uint64_t column = 0; column < lines_.apart; column += width)
        mask_strip(first, slab * lines_.slab() + column, std::min(width, lines_.apart - column), bits);
  }

  static uint64_t memory(const RankedLines& lines, uint64_t count) {
    const uint64_t width = strip_width(lines),
                   elements = width == lines.apart ? count * lines.slab() : width * lines.length;
    const uint64_t staged = width == lines.apart ? 0 : std::min(kStaged, lines.slab());
    const uint64_t together =
        lines_together(lines, width) * room_of(lines) * (sizeof(Key) + (width == 1 ? 0 : sizeof(T) + 1));
    return DeltaReader<T>::memory(std::min(kReadAtATime, std::max(elements, staged))) + elements * (2 * sizeof(T) + 1) +
           staged * 2 * sizeof(T) + together + LineMask<T>::memory(lines.length);
  }

 private:
  // Strips of a slab are equally wide, but for the last one.
  static uint64_t strip_width(const RankedLines& lines) {
    if (lines.slab() <= kStrip) return lines.apart;
    const uint64_t most = std::clamp<uint64_t>(kStrip / lines.length, 1, lines.apart);
    const uint64_t strips = (lines.apart + most - 1) / most;
    return (lines.apart + strips - 1) / strips;
  }
  static uint64_t room_of(const RankedLines& lines) { return lines.length + kGap; }
  static uint64_t lines_together(const RankedLines& lines, uint64_t width) {
    return std::min(width, std::clamp<uint64_t>(kElementsTogether / lines.length, 1, kTogether));
  }

  void resize(uint64_t elements) {
    deltas_.resize(elements);
    drawn_.resize(elements);
    kept_.resize(elements);
  }

  // Elements of the tensor, and what is drawn for them.
  void load(uint64_t first, uint64_t count, T* deltas, T* drawn) {
    const BlockKernels& kernels = **available_kernels().begin();
    for (uint64_t i = 0; i < count; i += kReadAtATime) {
      const uint64_t here = std::min(kReadAtATime, count - i);
      pace_.begin(here);
      reader_.read(inputs_.operands[wanted_.input], inputs_.operands[0], first + i, here, deltas + i);
    }
    if constexpr (std::is_same_v<T, double>)
      kernels.uniform64(drawn, key_, first, count);
    else
      kernels.uniform32(drawn, key_, first, count);
  }

  // So many elements of each row, of the first one from `first` on.
  void load_strip(uint64_t first, uint64_t width) {
    const bool alone = lines_.apart - width > kReadAlong || lines_.apart > kStaged;
    const uint64_t at_once = alone ? 1 : std::min(lines_.length, kStaged / lines_.apart);
    staged_.resize(alone ? 0 : at_once * lines_.apart);
    staged_drawn_.resize(staged_.size());
    for (uint64_t row = 0; row < lines_.length; row += at_once) {
      const uint64_t from = first + row * lines_.apart, rows = std::min(at_once, lines_.length - row);
      T *const deltas = deltas_.data() + row * width, *const drawn = drawn_.data() + row * width;
      if (alone) {
        load(from, width, deltas, drawn);
        continue;
      }
      load(from, (rows - 1) * lines_.apart + width, staged_.data(), staged_drawn_.data());
      for (uint64_t k = 0; k < rows; ++k) {
        std::copy_n(staged_.data() + k * lines_.apart, width, deltas + k * width);
        std::copy_n(staged_drawn_.data() + k * lines_.apart, width, drawn + k * width);
      }
    }
  }

  // Columns of a slab; `begin` is where its first element is counted from `first`.
  void mask_strip(uint64_t first, uint64_t begin, uint64_t width, std::byte* bits) {
    resize(width * lines_.length);
    load_strip(first + begin, width);
    mask_lines(0, width);
    for (uint64_t row = 0; row < lines_.length; ++row) put(row * width, width, begin + row * lines_.apart, bits);
  }

  // So many lines beside one another, the first of which begins at `first` of what is held.
  void mask_lines(uint64_t first, uint64_t width) {
    const uint64_t length = lines_.length, room = room_of(lines_), most = lines_together(lines_, width);
    keys_.resize(most * room);
    if (width == 1) {
      for (uint64_t i = 0; i < length; ++i) keys_[i] = magnitude_key(deltas_[first + i]);
      line_mask_.decide(std::span(keys_).first(length), std::span(drawn_).subspan(first, length),
                        std::span(kept_).subspan(first, length));
      return;
    }
    line_drawn_.resize(most * room);
    line_kept_.resize(most * room);
    for (uint64_t line = 0; line < width; line += most) {
      const uint64_t lines = std::min(most, width - line), corner = first + line;
      for (uint64_t i = 0; i < length; ++i)
        for (uint64_t k = 0; k < lines; ++k) {
          keys_[k * room + i] = magnitude_key(deltas_[corner + i * width + k]);
          line_drawn_[k * room + i] = drawn_[corner + i * width + k];
        }
      for (uint64_t k = 0; k < lines; ++k)
        line_mask_.decide(std::span(keys_).subspan(k * room, length), std::span(line_drawn_).subspan(k * room, length),
                          std::span(line_kept_).subspan(k * room, length));
      for (uint64_t i = 0; i < length; ++i)
        for (uint64_t k = 0; k < lines; ++k) kept_[corner + i * width + k] = line_kept_[k * room + i];
    }
  }

  // Those from `from` on, to the bits from `to` on.
  void put(uint64_t from, uint64_t count, uint64_t to, std::byte* bits) const {
    uint64_t i = 0;
    for (; to % 8 == 0 && i + 8 <= count; i += 8) {
      uint64_t eight;
      std::memcpy(&eight, kept_.data() + from + i, sizeof eight);
      bits[(to + i) / 8] = static_cast<std::byte>(packed(eight));
    }
    for (; i < count; ++i)
      bits[(to + i) / 8] |= static_cast<std::byte>(static_cast<unsigned>(kept_[from + i]) << ((to + i) % 8));
  }

  const OrderInputs& inputs_;
  const MadeOperand& wanted_;
  const RankedLines lines_;
  DeltaReader<T> reader_;
  LineMask<T> line_mask_;
  StopPace pace_;
  const uint64_t key_;
  std::vector<T> deltas_, drawn_, staged_, staged_drawn_;
  std::vector<uint8_t> kept_;
  // Of lines that are taken out together, each in its room.
  std::vector<Key> keys_;
  std::vector<T> line_drawn_;
  std::vector<uint8_t> line_kept_;
};

// Rooms that nobody is in, for those who come next: a room has tables of a tensor, and memory that is not new.
template <typename T>
class MaskRooms {
 public:
  using Room = std::unique_ptr<MaskMaker<T>>;

  // One for `tensor`, by whoever makes it where there is none: those of other tensors go first.
  template <typename Make>
  Room enter(const OrderedTensor& tensor, const Make& make) {
    {
      const std::lock_guard lock(mutex_);
      if (tensor_ != tensor.begin) free_.clear();
      tensor_ = tensor.begin;
      if (!free_.empty()) {
        Room room = std::move(free_.back());
        free_.pop_back();
        return room;
      }
    }
    return make();
  }
  void leave(const OrderedTensor& tensor, Room room) {
    const std::lock_guard lock(mutex_);
    if (tensor_ == tensor.begin) free_.push_back(std::move(room));
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    free_.clear();
  }

 private:
  std::mutex mutex_;
  std::optional<uint64_t> tensor_;  // by where it begins
  std::vector<Room> free_;
};

// BF16, which holds 0 and 1 as well as others do.
class MaskSource final : public SlabSource {
 public:
  MaskSource(OrderInputs given, ptrdiff_t makers, uint64_t capacity) : SlabSource(std::move(given), makers, capacity) {}
  Dtype dtype() const override { return Dtype::BF16; }

 private:
  // Who throws leaves no room behind.
  template <typename T>
  std::vector<std::byte> mask(MaskRooms<T>& rooms, const OrderedTensor& tensor, uint64_t slab, uint64_t count) {
    const RankedLines lines = lines_of(tensor);
    std::vector<std::byte> bits(held_size(count * lines.slab()));
    auto room = rooms.enter(
        tensor, [&] { return std::make_unique<MaskMaker<T>>(inputs(), tensor, tensor_of(tensor).name, lines); });
    room->make(slab, count, bits.data());
    rooms.leave(tensor, std::move(room));
    return bits;
  }

  std::vector<std::byte> make(const OrderedTensor& tensor, uint64_t slab, uint64_t count) override {
    if (tensor.is_wide) {
      rooms_.clear();
      return mask(wide_rooms_, tensor, slab, count);
    }
    wide_rooms_.clear();
    return mask(rooms_, tensor, slab, count);
  }

  // A range may begin and end within a number.
  void put(std::span<const std::byte> held, uint64_t begin, std::span<std::byte> out) const override {
    for (; begin % numbers_size() == 0 && out.size() >= numbers_size(); begin += numbers_size()) {
      std::memcpy(out.data(), &kNumbersOfBits[static_cast<size_t>(held[begin / numbers_size()])], numbers_size());
      out = out.subspan(numbers_size());
    }
    while (!out.empty()) {
      const auto numbers = std::as_bytes(std::span(kNumbersOfBits[static_cast<size_t>(held[begin / numbers_size()])]));
      const uint64_t inside = begin % numbers_size(), here = std::min<uint64_t>(out.size(), numbers_size() - inside);
      std::memcpy(out.data(), numbers.data() + inside, here);
      begin += here;
      out = out.subspan(here);
    }
  }
  static constexpr uint64_t numbers_size() { return sizeof(EightNumbers); }

  uint64_t held_size(uint64_t elements) const override { return (elements + 7) / 8; }
  uint64_t making_memory(const OrderedTensor& tensor, uint64_t count) const override {
    const RankedLines lines = lines_of(tensor);
    return tensor.is_wide ? MaskMaker<double>::memory(lines, count) : MaskMaker<float>::memory(lines, count);
  }

  MaskRooms<float> rooms_;
  MaskRooms<double> wide_rooms_;
};

}  // namespace

uint64_t held_mask_size(uint64_t count) {
  return (count + 7) / 8 + (count / RankedLines::kElementsAtATime + 1) * HeldStrips::kEntry;
}

std::unique_ptr<OrderSource> mask_source(OrderInputs inputs, size_t operands, uint64_t all) {
  const ptrdiff_t makers = slab_makers(inputs.hands, operands);
  return std::make_unique<MaskSource>(std::move(inputs), makers, std::min(kHeld / operands, all));
}

}  // namespace ckmerge
