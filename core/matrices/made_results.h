// SPDX-License-Identifier: Apache-2.0
// Whole tensors that were made: one at a time, or several where memory allows it, and held for the tiles in flight,
// which go back and forth between two.
#pragma once

#include <condition_variable>
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
  /// Makes one, by its part of the threads: 1 of `at_once` that are made meanwhile.
  using Make = std::function<std::vector<std::byte>(unsigned at_once)>;

  /// At most `most` are made at once, in `memory` bytes together; one that takes more is made alone.
  explicit MadeResults(unsigned most = 1, uint64_t memory = 0) : most_(most), memory_(memory) {}

  /// The tensor `number`, made by `make` in `memory` bytes unless it is held or somebody makes it. Those that were used
  /// last are held, as many as take twice the bytes of the largest that was made. Thread-safe; throws what `make`
  /// throws.
  Bytes get(size_t number, uint64_t memory, const Make& make);

  /// Bytes that are held of tensors of which the largest is so large.
  static uint64_t memory(uint64_t largest) { return 2 * largest; }

 private:
  struct Held {
    size_t number;
    Bytes bytes;
  };
  struct Making {
    size_t number;
    uint64_t memory;
  };
  class Turn;

  // Under the lock.
  Bytes held(size_t number);
  void hold(size_t number, const Bytes& bytes);
  bool may_begin(size_t number, uint64_t memory) const;

  const unsigned most_;
  const uint64_t memory_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable ended_;
  std::list<Making> making_;
  std::list<Held> held_;  // what was used last comes first
  uint64_t largest_ = 0;
};

}  // namespace ckmerge
