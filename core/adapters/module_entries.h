// SPDX-License-Identifier: Apache-2.0
// The modules of an adapter in the index of a checkpoint's names, in the naming that the adapter is in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/adapters/names/target_index.h"

namespace ckmerge {

class ModuleEntries {
 public:
  /// Keeps views of both.
  ModuleEntries(const Adapter& adapter, const Checkpoint& checkpoint);

  const TargetIndex& index() const { return index_; }

  /// Where module number `module` may be: one entry of each component and parameter, most often one in all.
  std::vector<TargetEntry> of_module(uint32_t module) const { return likeliest(entries_[module]); }
  /// The same of a name that is no module's: a whole tensor's.
  std::vector<TargetEntry> called(std::string_view name) const { return likeliest(entries_called(name)); }

  /// What an entry is called in the checkpoint: "x.weight", or "x.weight and 2 more" where it is made of several.
  std::string shown(TargetEntry entry) const;

 private:
  std::vector<TargetEntry> entries_called(std::string_view module) const;
  std::vector<TargetEntry> likeliest(std::vector<TargetEntry> entries) const;

  const Checkpoint& checkpoint_;
  TargetIndex index_;
  std::vector<std::vector<TargetEntry>> entries_;
  std::vector<size_t> hits_;  // per table of the index: modules that are there
};

/// `name` without what PEFT wrapped a module in.
std::string without_base_layer(std::string_view name);

}  // namespace ckmerge
