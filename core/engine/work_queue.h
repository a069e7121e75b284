// SPDX-License-Identifier: Apache-2.0
// The one ordered list that workers take from: tiles in the order of the output's bytes and, where a method needs
// statistics, ranges to gather them from, each some tiles before the first that waits for it. So a tensor is read for
// its statistics shortly before it is merged, and the second reading finds it in the page cache; statistics of several
// levels go ahead of each other likewise. Whoever waits for statistics waits for work that was handed out earlier, the
// first of which waits for none.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "core/read/source_read.h"

namespace ckmerge {

class WorkQueue {
 public:
  struct Unit {
    std::optional<size_t> statistics = {};  ///< their level; else it is a tile
    ByteRange range;
  };
  /// `levels`: of statistics. `lookahead`: how many tiles lie between statistics and the first tile that needs them.
  /// `of_model`: the levels that are to be there of all tensors before anything above them, by level; none: there are
  /// no such.
  WorkQueue(const Plan& plan, uint64_t tile_size, size_t levels, unsigned lookahead, std::vector<bool> of_model = {});

  /// The next piece of work; empty when all has been handed out.
  std::optional<Unit> next();

  /// Notes that a tile is written; returns the offset before which all of them are.
  uint64_t finish(ByteRange tile);

 private:
  ByteRange take(uint64_t& next) const;
  uint64_t needed_for(uint64_t next, size_t level) const;

  const Plan& plan_;
  const uint64_t tile_size_;
  const uint64_t lookahead_;  // bytes
  const std::vector<bool> of_model_;

  std::mutex mutex_;                       // guards what follows
  std::vector<uint64_t> next_statistics_;  // by level
  uint64_t next_tile_ = 0;
  std::set<uint64_t> in_flight_;  // offsets of tiles
};

}  // namespace ckmerge
