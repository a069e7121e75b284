// SPDX-License-Identifier: Apache-2.0
// What close() says of a file that was written: network filesystems send what they still hold then, and tell nobody
// else what was lost. Of many outputs some are closed to make room for others (io/file/descriptor_pool.h), by whoever
// needs the room, so that the fault is kept for whose file it is.
#pragma once

#include <memory>

namespace ckmerge {

/// What became of the descriptors of one file. Thread-safe.
class CloseWatch {
 public:
  /// Of a descriptor that an OpenDescriptor will own.
  void begin(int descriptor) const;
  /// The errno of the last close that failed; 0: none did.
  int error() const;

 private:
  std::shared_ptr<int> error_ = std::make_shared<int>(0);
};

/// Closes it, and keeps its error where somebody watches.
void close_watched(int descriptor) noexcept;

}  // namespace ckmerge
