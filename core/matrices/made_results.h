// SPDX-License-Identifier: Apache-2.0
// Whole tensors that were made: one at a time, and held for the tiles in flight, which go back and forth between two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace ckmerge {

class MadeResults {
 public:
  using Bytes = std::shared_ptr<const std::vector<std::byte>>;

  /// The tensor `number`, made by `make` unless it is held. Those that were used last are held, as many as take twice
  /// the bytes of the largest that was made. Thread-safe; throws what `make` throws.
  Bytes get(size_t number, const std::function<std::vector<std::byte>()>& make);

  /// Bytes that are held of tensors of which the largest is so large.
  static uint64_t memory(uint64_t largest) { return 2 * largest; }

 private:
  struct Held {
    size_t number;
    Bytes bytes;
  };
  Bytes held(size_t number);
  void hold(size_t number, const Bytes& bytes);

  std::mutex making_;  // the memory of one is what the plan counts
  std::mutex mutex_;
  std::list<Held> held_;  // what was used last comes first
  uint64_t largest_ = 0;
};

}  // namespace ckmerge
