// SPDX-License-Identifier: Apache-2.0
// Strips of operands that were made, for the tiles that meet in one, and for the next walk over the tensor.
#pragma once

#include <compare>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace ckmerge {

class HeldStrips {
 public:
  using Bytes = std::shared_ptr<const std::vector<std::byte>>;
  struct Place {
    uint64_t tensor, strip;
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  /// Of other tensors than the one that is made the oldest go first, beyond `capacity` bytes. Of that one those that
  /// came first stay, since a walk comes back to them first; and the `recent` last ones, whatever they take.
  HeldStrips(uint64_t capacity, size_t recent) : capacity_(capacity), recent_(recent) {}

  /// The strip, made unless it is held or somebody makes it. Thread-safe; throws what `make` throws.
  Bytes get(Place place, const std::function<std::vector<std::byte>()>& make);

  /// Bytes, at most, of strips of so many.
  static uint64_t memory(uint64_t capacity, size_t recent, uint64_t strip) {
    return capacity + (recent + 1) * (strip + kEntry);
  }
  /// Bytes that a strip takes beside its own.
  static constexpr uint64_t kEntry = 256;

 private:
  struct Held {
    Place place;
    Bytes bytes;
  };
  using Order = std::list<Held>;

  // Under the lock.
  void hold(Place place, const Bytes& bytes);
  Order::iterator least_wanted(uint64_t tensor);

  const uint64_t capacity_;
  const size_t recent_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable ended_;
  std::set<Place> making_;
  Order order_;  // the oldest first
  std::map<Place, Order::iterator> held_;
  uint64_t size_ = 0;
};

}  // namespace ckmerge
