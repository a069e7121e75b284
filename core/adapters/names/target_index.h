// SPDX-License-Identifier: Apache-2.0
// All names that the modules of a checkpoint have, in every naming of their families and in every spelling, and which
// rows of which tensors each of them is. Made of the checkpoint's names alone: core/layouts rewrites tables whose
// tensors say by their place which tensor of the checkpoint they were.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/adapters/names/target_names.h"
#include "core/inputs/component_places.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// A component's tensors in one of its namings. Offsets and shards say where elements come from: shard k is tensor k of
/// the checkpoint, whose elements begin at 0.
struct TargetTable {
  TensorTable tensors;
  uint32_t component = 0;
  bool is_own = true;  ///< the checkpoint's own naming; names may lack the component's prefix
};

struct TargetEntry {
  uint32_t table = 0, row = 0;
  friend bool operator==(const TargetEntry&, const TargetEntry&) = default;
};

class TargetIndex {
 public:
  /// `with_experts`: stacked experts are looked for as single ones, and single ones stacked. Some ten milliseconds for
  /// 10^4 tensors.
  TargetIndex(const Checkpoint& checkpoint, bool with_experts);

  /// Modules called `name` in components that `scope` means; each once. A name without dots may have underscores in
  /// their place, one with dots is as it stands.
  std::vector<TargetEntry> find(std::string_view name, TargetScope scope) const;

  const TargetTable& table(TargetEntry entry) const { return tables_[entry.table]; }
  Tensor tensor(TargetEntry entry) const { return tables_[entry.table].tensors[entry.row]; }
  /// The tensor called so in the entry's table; npos in `row` where there is none.
  TargetEntry beside(TargetEntry entry, std::string_view name) const;
  static constexpr uint32_t npos = UINT32_MAX;
  size_t table_count() const { return tables_.size(); }

 private:
  struct Component {
    std::string prefix;
    PipelineMember member;
    bool is_told = false;  // or all that belongs to none
    bool is_t5 = false;
    std::optional<ToldComponent> told;
  };
  struct Link {
    TargetEntry entry;
    uint32_t next;
  };
  void add_components(const Checkpoint& checkpoint);
  void add_namings(const Component& component, uint32_t number);
  void add_experts(uint32_t number);
  void add_table(TargetTable table, std::string_view prefix);
  void add_key(std::string key, TargetEntry entry);
  bool is_called(TargetEntry entry, std::string_view name) const;
  bool is_meant(uint32_t component, std::string_view name, TargetScope scope) const;

  std::vector<Component> components_;
  std::vector<TargetTable> tables_;
  std::unordered_map<std::string, uint32_t> first_;  // of links_, by name with underscores
  std::vector<Link> links_;
  bool has_model_ = false;
  size_t encoders_ = 0;
};

}  // namespace ckmerge
