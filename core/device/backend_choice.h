// SPDX-License-Identifier: Apache-2.0
// Which backend computes the next tile. Where it is to be measured, the first tiles of the merge itself are the
// measurement: rounds of tiles go to the CPU and to the device in turn, reading and writing included, because what
// counts is the time of the whole merge. One that is bound by the disk takes the same with both, and stays on the CPU.
// Rounds begin when the device is open; until then the CPU goes on.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

#include "io/file/byte_range.h"

namespace ckmerge {

enum class Backend : uint8_t { cpu, device };

class BackendChoice {
 public:
  /// Always `backend`.
  explicit BackendChoice(Backend backend) : fixed_(backend) {}

  /// To be measured over rounds of `round` tiles, of an output that ends at `output_end`.
  BackendChoice(uint64_t tile_size, unsigned round, uint64_t output_end)
      : tile_size_(tile_size), round_(round), output_end_(output_end) {}

  /// Bytes of output that have to be left when rounds begin, for a measurement to be a quarter of them at most.
  static uint64_t least(uint64_t tile_size, unsigned round) { return 4 * kRounds.size() * tile_size * round; }

  /// The device is there: rounds begin with the next tile.
  void open();

  /// The rounds, in order. The first of each backend warms up: page cache, threads, the device's code.
  static constexpr std::array kRounds = {Backend::cpu,    Backend::cpu, Backend::device,
                                         Backend::device, Backend::cpu, Backend::device};
  static constexpr std::array<bool, kRounds.size()> kCounts = {false, true, false, true, true, true};

  /// How much faster a device must be to be worth its power.
  static constexpr double kGain = 1.1;

  Backend next(ByteRange tile);
  /// What has been decided; empty until then.
  std::optional<Backend> settled() const;
  /// For statistics, which are not measured: the CPU, unless a backend was asked for.
  Backend for_statistics() const { return fixed_.value_or(Backend::cpu); }
  /// The CPU gets the rest: the device failed.
  void give_up();
  /// Notes that a tile is done, `seconds` after the first began.
  void finish(ByteRange tile, double seconds);

  struct Rates {
    double cpu = 0, device = 0;  ///< bytes of output a second
  };
  /// What was measured; empty until it was, or where it is not to be.
  std::optional<Rates> measured() const;

 private:
  size_t round_of(ByteRange tile) const { return (tile.begin - *begin_) / tile_size_ / round_; }
  void decide();

  const std::optional<Backend> fixed_;
  const uint64_t tile_size_ = 1;
  const unsigned round_ = 1;
  const uint64_t output_end_ = 0;

  struct Round {
    unsigned tiles = 0;
    uint64_t bytes = 0;
    double end = 0;  ///< when the last of them was done
  };
  mutable std::mutex mutex_;  // guards what follows
  bool open_ = false;
  std::optional<uint64_t> begin_;  // of the first round
  std::array<Round, kRounds.size()> rounds_ = {};
  std::optional<Backend> decided_;
  std::optional<Rates> rates_;
};

}  // namespace ckmerge
