// SPDX-License-Identifier: Apache-2.0
// Descriptors of inputs, of which a bounded number is open at once: a checkpoint may have thousands of shards, and a
// process a thousand descriptors. Who needs one that was closed opens its file again.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace ckmerge {

/// Is closed when the last who has it lets it go.
class OpenDescriptor {
 public:
  explicit OpenDescriptor(int descriptor) : descriptor_(descriptor) {}
  OpenDescriptor(const OpenDescriptor&) = delete;
  OpenDescriptor& operator=(const OpenDescriptor&) = delete;
  ~OpenDescriptor();

  int number() const { return descriptor_; }

 private:
  int descriptor_;
};

using DescriptorLease = std::shared_ptr<const OpenDescriptor>;

/// Of the whole process. Thread-safe.
class DescriptorPool {
 public:
  /// A file's place in the pool, which is its owner's.
  struct Place {
    DescriptorLease kept = {};
    bool used = false;  ///< since the pool last looked for one to close
  };

  static DescriptorPool& of_process();

  /// The descriptor that is kept; null where it was closed.
  DescriptorLease find(Place& place);
  /// Takes `descriptor` over, keeps it, and closes others where there are too many. What is kept already is returned
  /// instead.
  DescriptorLease keep(Place& place, int descriptor);
  /// Keeps it no longer; before the place goes.
  void forget(Place& place) noexcept;
  /// Closes all that nobody has, for who got no descriptor from the system. Returns whether there were some.
  bool close_unused() noexcept;

  /// How many are kept at most: a part of what the process may have.
  static size_t capacity();

 private:
  void make_room();

  std::mutex mutex_;
  std::deque<Place*> places_;  // those that keep one, the oldest first
};

}  // namespace ckmerge
