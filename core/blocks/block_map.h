// SPDX-License-Identifier: Apache-2.0
// Which blocks a checkpoint has, and in which of them a name lies. Names are parsed, not searched: 10^6 of them take
// some tenths of a second.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/blocks/block_table.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// Index into BlockMap::blocks().
using BlockId = uint32_t;

struct Block {
  std::string name;        ///< "IN04"
  std::string_view group;  ///< "IN"
  int number = -1;         ///< 4; -1: it has none
  uint64_t tensors = 0, size = 0;

  bool is_layer() const { return number >= 0; }
};

/// What stands in front of a network's own names: `model.diffusion_model.` and its like.
std::span<const std::string_view> network_prefixes();

class BlockMap {
 public:
  /// Of `tensors`, which are sorted, by the table of `architecture` (core/names/architecture.h), or by the generic one
  /// where that finds no layer.
  BlockMap(const TensorTable& tensors, std::string architecture);

  /// Those in which a tensor lies: BASE, if there is any, then in the order of the table and of their numbers.
  std::span<const Block> blocks() const { return blocks_; }
  /// Of a weight_name(); kNoBlock of one that is in a block which it lacks.
  BlockId of(std::string_view name) const;
  static constexpr BlockId kNoBlock = UINT32_MAX;

  /// The name of the weight that an average of ldm's (`model_ema.`) is of; any other name as it is.
  std::string_view weight_name(std::string_view name) const;

  const std::string& architecture() const { return architecture_; }  ///< as guessed; may be empty
  const BlockTable& table() const { return *table_; }

  /// "BASE, IN00..IN11, M00, OUT00..OUT11".
  std::string text() const;

 private:
  struct Place {
    uint32_t group;  // 0: BASE
    int number;      // -1: none
  };
  Place place_of(std::string_view name) const;
  void take_table(const BlockTable& table);
  void count(const TensorTable& tensors);
  void find_averages(const TensorTable& tensors);

  std::string architecture_;
  const BlockTable* table_ = nullptr;
  std::vector<std::string_view> groups_;   // BASE, then those of the table in its order
  std::vector<uint32_t> group_of_row_;     // of the table
  std::vector<std::vector<BlockId>> ids_;  // by group and number + 1
  std::vector<Block> blocks_;
  std::unordered_map<std::string, std::string> weights_;  // of averages
};

}  // namespace ckmerge
