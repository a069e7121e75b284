// SPDX-License-Identifier: Apache-2.0
// Descriptors of inputs, and of outputs that are many, of which a bounded number is open at once: a checkpoint may have
// thousands of shards, and a process a thousand descriptors. Who needs one that was closed opens its file again.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace ckmerge {

/// Is closed when the last who has it lets it go.
class OpenDescriptor {
 public:
  /// `fault` learns the errno of a close() that fails, by which some network filesystems tell of writes.
  explicit OpenDescriptor(int descriptor, std::shared_ptr<std::atomic<int>> fault = {})
      : descriptor_(descriptor), fault_(std::move(fault)) {}
  OpenDescriptor(const OpenDescriptor&) = delete;
  OpenDescriptor& operator=(const OpenDescriptor&) = delete;
  ~OpenDescriptor();

  int number() const { return descriptor_; }

 private:
  int descriptor_;
  std::shared_ptr<std::atomic<int>> fault_;
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
  /// Keeps `lease`, and closes others where there are too many. What is kept already is returned instead.
  DescriptorLease keep(Place& place, DescriptorLease lease);
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

/// What `open` returns; where descriptors ran out, once more when those were given back that nobody needs.
int with_descriptors_given_back(const auto& open) {
  const int descriptor = open();
  if (descriptor >= 0 || (errno != EMFILE && errno != ENFILE)) return descriptor;
  const int error = errno;
  if (DescriptorPool::of_process().close_unused()) return open();
  errno = error;
  return -1;
}

}  // namespace ckmerge
