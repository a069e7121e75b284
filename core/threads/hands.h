// SPDX-License-Identifier: Apache-2.0
// Who does a long piece of work that has no tiles and no progress of its own, such as the making of a whole tensor, and
// what ends it before it is done.
#pragma once

#include <cstdint>
#include <functional>

#include "core/threads/progress.h"

namespace ckmerge {

struct Hands {
  unsigned threads = 1;  ///< the caller's included
  StopFlag stop = {};

  /// Throws Error(interrupted) where the stop flag is raised, or the work ends that this is part of (WorkEnds). Asked
  /// between pieces of work of some milliseconds.
  void check() const;

  /// part(begin, end) for ranges of [0, count), `each` numbers long but for the last: on all threads, in any order, so
  /// that no part may hang on another. The stop flag is looked at before each. Throws what the first of them threw.
  void share(uint64_t count, uint64_t each, const std::function<void(uint64_t begin, uint64_t end)>& part) const;

  /// The same, but that one part is done without a look at the stop flag: for work that is mostly small and is itself
  /// a small part of some other.
  template <typename Part>
  void share_large(uint64_t count, uint64_t each, const Part& part) const {
    if (count <= each)
      part(uint64_t{0}, count);
    else
      share(count, each, part);
  }
};

}  // namespace ckmerge
