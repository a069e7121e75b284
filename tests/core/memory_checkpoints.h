// SPDX-License-Identifier: Apache-2.0
// Tensors of tests as a program has them in memory: at addresses that are no multiple of anything, or asked for.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "io/checkpoint.h"
#include "tests/core/checkpoint_files.h"

namespace ckmerge::test {

/// Keeps the bytes of checkpoints in memory.
class MemoryCheckpoints {
 public:
  /// Where the bytes of tensor k of a checkpoint are to be had: at its address, or by asking.
  using IsAsked = std::function<bool(size_t k)>;
  static bool none(size_t /*k*/) { return false; }
  static bool all(size_t /*k*/) { return true; }
  static bool every_other(size_t k) { return k % 2 == 1; }

  /// Called before bytes are handed out; what it returns is the answer.
  std::function<int(size_t tensor, uint64_t offset, uint64_t size)> on_read = {};

  Checkpoint open(const std::string& name, const std::vector<FileTensor>& tensors, const IsAsked& is_asked = none,
                  const OpenOptions& options = {});

 private:
  std::deque<std::vector<std::string>> bytes_;  // each behind one byte more
};

}  // namespace ckmerge::test
