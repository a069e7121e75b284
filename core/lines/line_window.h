// SPDX-License-Identifier: Apache-2.0
// The numbers of the lines that some elements of a tensor lie in, as programs take them (Places::lines).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/lines/tensor_lines.h"

namespace ckmerge {

class LineWindow {
 public:
  /// Elements that are looked at together: 32 KiB of each number where every element is a line of its own.
  static constexpr uint64_t kElements = 4096;

  /// Of a tensor; null: none follows, or one without numbers of lines.
  void begin(const TensorLines* lines) { lines_ = lines; }
  explicit operator bool() const { return lines_ != nullptr; }

  /// Where the elements end, from `at` on and before `end`, whose numbers load() gives together.
  uint64_t end_of(uint64_t at, uint64_t end) const;
  /// By slot; valid until the next. Throws as ScratchFile does.
  const LineNumbers* load(uint64_t at, uint64_t end);

  /// fn(at, end, numbers) for elements [begin, end), some after another; where there are none all at once, with null.
  template <typename Fn>
  void for_each_part(uint64_t begin, uint64_t end, const Fn& fn) {
    if (!lines_) return fn(begin, end, static_cast<const LineNumbers*>(nullptr));
    for (uint64_t at = begin, next = begin; at < end; at = next) {
      next = end_of(at, end);
      fn(at, next, load(at, next));
    }
  }

 private:
  const TensorLines* lines_ = nullptr;
  std::vector<LineNumbers> numbers_;
  std::vector<std::vector<double>> read_;  // by slot, of those in a file
};

}  // namespace ckmerge
