// SPDX-License-Identifier: Apache-2.0
// What of an output file is neither its header nor a tensor: records between the tensors, a directory behind them.
// Where such bytes lie is known before the first tensor is computed, and so is what they say, save what depends on the
// tensors' bytes: the file's seals, which are written last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace ckmerge {

class OutputFrame {
 public:
  /// What the seals are made of; empty: zeros stand where they will be.
  using Sums = std::span<const uint32_t>;

  virtual ~OutputFrame() = default;

  /// Writes the frame's bytes of [begin, begin + out.size()) of the file into `out` and leaves the others alone.
  virtual void fill(uint64_t begin, std::span<std::byte> out, Sums sums) const = 0;

  /// Whether `bytes` at `begin` hold the frame's bytes as fill() would write them.
  virtual bool matches(uint64_t begin, std::span<const std::byte> bytes, Sums sums) const = 0;

  /// Whether it has seals. Without them fill() needs no sums, and the two that follow say nothing.
  virtual bool has_seals() const { return false; }

  /// What fill() needs for the seals: made of the CRC-32 sums of the tensors that have bytes of their own, in the order
  /// of the file, and of the file's header.
  virtual std::vector<uint32_t> sums(std::span<const uint32_t> /*tensors*/, std::string_view /*header*/) const {
    return {};
  }

  /// Visits the ranges in [begin, end) whose bytes depend on sums, in order, whole or cut at its ends.
  virtual void for_each_seal(uint64_t /*begin*/, uint64_t /*end*/,
                             const std::function<void(uint64_t, uint64_t)>& /*visit*/) const {}

  virtual uint64_t memory() const = 0;  ///< bytes that it holds
};

}  // namespace ckmerge
