// SPDX-License-Identifier: Apache-2.0
// When somebody who goes through elements looks at the stop flag: once for so many of them, since asking may take as
// long as hundreds do, and lines may have two.
#pragma once

#include <cstdint>

#include "core/threads/hands.h"

namespace ckmerge {

class StopPace {
 public:
  /// REQUIRES: `hands` outlives this. `just_checked`: by whoever has it made, for whom that is a small part of much.
  explicit StopPace(const Hands& hands, bool just_checked = false)
      : hands_(hands), left_(just_checked ? kBetweenChecks : 0) {}

  /// Before so many elements are worked on. Throws Error(interrupted) where it is time and the flag is raised.
  void begin(uint64_t elements) {
    if (elements <= left_) {
      left_ -= elements;
      return;
    }
    hands_.check();
    left_ = kBetweenChecks;
  }

 private:
  static constexpr uint64_t kBetweenChecks = 256 << 10;  // elements, of some tens of milliseconds at most
  const Hands& hands_;
  uint64_t left_;
};

}  // namespace ckmerge
