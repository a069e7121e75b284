// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/module_entries.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/adapters/names/target_names.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

// Parameters of experts that PEFT adapts in the module's place.
constexpr auto kStacked = std::to_array<string_view>({".gate_up_proj", ".up_proj", ".down_proj"});

bool any_experts(const Adapter& adapter) {
  return std::ranges::any_of(adapter.modules,
                             [](const AdapterModule& module) { return module.name.find("experts") != string::npos; });
}

}  // namespace

string without_base_layer(string_view name) {
  constexpr string_view kBase = ".base_layer";
  string text(name);
  if (text.ends_with(kBase)) text.resize(text.size() - kBase.size());
  if (const size_t at = text.rfind(string(kBase) + "."); at != string::npos) text.erase(at, kBase.size());
  return text;
}

ModuleEntries::ModuleEntries(const Adapter& adapter, const Checkpoint& checkpoint)
    : checkpoint_(checkpoint), index_(checkpoint, any_experts(adapter)), hits_(index_.table_count()) {
  for (const AdapterModule& module : adapter.modules) {
    entries_.push_back(entries_called(module.name));
    for (const TargetEntry entry : entries_.back()) ++hits_[entry.table];
  }
}

std::vector<TargetEntry> ModuleEntries::entries_called(string_view module) const {
  for (const AskedName& asked : asked_names(without_base_layer(module))) {
    std::vector<TargetEntry> found = index_.find(asked.name, asked.scope);
    if (!found.empty()) return found;
    if (asked.name.ends_with("experts"))
      for (const string_view parameter : kStacked)
        for (const TargetEntry entry : index_.find(asked.name + string(parameter), asked.scope)) found.push_back(entry);
    // torch.nn.MultiheadAttention, and CLIP as open_clip has it.
    if (found.empty()) found = index_.find(asked.name + ".in_proj_weight", asked.scope);
    if (!found.empty()) return found;
  }
  return {};
}

// Of entries of one component those of the naming in which most modules are there, its own where several have as many:
// some names are those of different tensors in two namings.
std::vector<TargetEntry> ModuleEntries::likeliest(std::vector<TargetEntry> entries) const {
  const auto better = [&](TargetEntry a, TargetEntry b) {
    const bool same = index_.table(a).component == index_.table(b).component;
    return same && (hits_[a.table] > hits_[b.table] || (hits_[a.table] == hits_[b.table] && a.table < b.table));
  };
  const std::vector<TargetEntry> all = entries;
  std::erase_if(entries, [&](TargetEntry entry) {
    return std::ranges::any_of(all, [&](TargetEntry other) { return better(other, entry); });
  });
  return entries;
}

string ModuleEntries::shown(TargetEntry entry) const {
  const std::vector<Piece> pieces = index_.table(entry).tensors.pieces(entry.row);
  if (pieces.empty()) return string(index_.tensor(entry).name);
  string text(checkpoint_.tensors.name(pieces[0].shard));
  if (pieces.size() > 1) text += sentence(" and ", pieces.size() - 1, " more");
  return text;
}

}  // namespace ckmerge
