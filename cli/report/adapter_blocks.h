// SPDX-License-Identifier: Apache-2.0
// The blocks of an adapter: those that its modules lie in, which its names, with underscores for dots, do not tell as
// those of checkpoints do.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/blocks/block_table.h"
#include "io/table/checkpoint.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

bool is_adapter(const Checkpoint& checkpoint);

class AdapterBlocks {
 public:
  explicit AdapterBlocks(const Checkpoint& adapter);

  /// Of a module or one of its tensors.
  std::string of(std::string_view name) const;

  /// Blocks by name, in the order of models: BASE first.
  template <typename Value>
  std::vector<std::pair<std::string, Value>> ordered(const std::map<std::string, Value>& by_block) const {
    std::vector<std::pair<std::string, Value>> out(by_block.begin(), by_block.end());
    sort(out);
    return out;
  }

  /// As block_lines() and write_blocks() of a checkpoint.
  std::string lines() const;
  void write(JsonWriter& json) const;

 private:
  struct Total {
    uint64_t tensors = 0, size = 0;
  };
  std::vector<std::pair<std::string, Total>> totals() const;
  std::pair<size_t, size_t> place(const std::string& block) const;
  void sort(auto& blocks) const {
    std::ranges::stable_sort(blocks, {}, [this](const auto& block) { return place(block.first); });
  }

  const Checkpoint& adapter_;
  std::string architecture_;
  const BlockTable* table_;
};

}  // namespace ckmerge::cli
