// SPDX-License-Identifier: Apache-2.0
// That work is to end because another part of it failed, for what is called in it without being told by whom: tensors
// are made where their bytes are read.
#pragma once

#include <atomic>

namespace ckmerge {

/// While it lives, this thread's work ends by `flag`; null: by none.
class WorkEnds {
 public:
  explicit WorkEnds(const std::atomic<bool>* flag);
  ~WorkEnds();
  WorkEnds(const WorkEnds&) = delete;
  WorkEnds& operator=(const WorkEnds&) = delete;

  /// That of this thread, for others who do a part of its work.
  static const std::atomic<bool>* flag();

 private:
  const std::atomic<bool>* const before_;
};

}  // namespace ckmerge
