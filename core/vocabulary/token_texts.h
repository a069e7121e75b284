// SPDX-License-Identifier: Apache-2.0
// Tokens of several vocabularies, each text once: some hundred thousand, as two arrays and a table of numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

class TokenTexts {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  TokenTexts() : slots_(size_t{1} << 10, kNone) {}

  /// The number of `text`, which is a new one where it is not there yet. Numbers are 0, 1, 2, ...
  uint32_t add(std::string_view text);
  /// The number of `text`, or kNone.
  uint32_t find(std::string_view text) const { return slots_[slot_of(text)]; }
  /// Holds until the next add().
  std::string_view operator[](uint32_t number) const {
    const size_t begin = number == 0 ? 0 : ends_[number - 1];
    return std::string_view(texts_).substr(begin, ends_[number] - begin);
  }
  size_t size() const { return ends_.size(); }

 private:
  size_t slot_of(std::string_view text) const;  // that which has it, or where it would go
  void grow();

  std::string texts_;
  std::vector<size_t> ends_;
  std::vector<uint32_t> slots_;  // a power of two of them, at most half of them taken
};

}  // namespace ckmerge
