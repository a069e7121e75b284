// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/names/target_index.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "core/families/expert_kinds.h"
#include "core/families/spellings.h"
#include "core/inputs/naming_path.h"
#include "core/layouts/rewriting.h"
#include "core/names/part.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

bool is_model(ComponentRole role) { return role == ComponentRole::transformer || role == ComponentRole::unet; }

void add_traced(TensorTable& table, string_view name, const TensorTable& tensors, size_t index) {
  const Tensor tensor = tensors[index];
  table.add(name, tensor.dtype, tensor.shape, static_cast<uint32_t>(index), 0, tensor.size, tensor.count);
}

Checkpoint with_tensors(const TensorTable& tensors) {
  Checkpoint checkpoint;
  checkpoint.tensors = tensors;
  return checkpoint;
}

string plain_module(string_view module) {
  string plain = plain_name(module).text;
  if (plain.ends_with('.')) plain.pop_back();
  return plain;
}

string with_any_numbers(string_view name) {
  string pattern;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const string_view component = name.substr(begin, end - begin);
    const bool is_number = !component.empty() && component.find_first_not_of("0123456789") == string_view::npos;
    pattern += (begin == 0 ? "" : ".") + (is_number ? string("#") : string(component));
    begin = end + 1;
  }
  return pattern;
}

// Patterns of modules with stacked experts, and with single ones by their kinds.
struct ExpertModules {
  std::set<string> stacked;
  std::map<string, const ExpertKind*> single;
  bool has_gate = false;

  explicit ExpertModules(const TensorTable& tensors) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      const std::optional<ExpertName> name = expert_name(tensors.name(i));
      if (!name) continue;
      if (name->is_stacked && lies_plainly(tensors, i, *name)) {
        stacked.insert(with_any_numbers(name->module));
        has_gate |= name->has_gate;
      }
      if (!name->is_stacked && name->kind) add_single(*name->kind, with_any_numbers(name->module));
    }
  }

  // Those with a gate have the sign of those without one, too.
  void add_single(const ExpertKind& kind, const string& pattern) {
    const auto [place, is_new] = single.try_emplace(pattern, &kind);
    if (!is_new && fits(kind, true)) place->second = &kind;
  }

  // (experts, out, in), as what comes out of the expert tells: an (experts, in, out) cannot be cut by rows.
  static bool lies_plainly(const TensorTable& tensors, size_t index, const ExpertName& name) {
    const size_t down = tensors.find(string(name.module) + ".down_proj");
    const Shape into = tensors[index].shape;
    if (down == TensorTable::npos || into.size() != 3) return false;
    const Shape out_of = tensors[down].shape;
    return out_of.size() == 3 && into[2] == out_of[1] && into[1] == out_of[2] * (name.has_gate ? 2 : 1);
  }
};

constexpr std::array<string_view, 3> kSingleSigns{"gate_proj.weight", "w1.weight", "up_proj.weight"};

std::vector<const ExpertKind*> single_kinds(bool has_gate) {
  std::vector<const ExpertKind*> kinds;
  for (const string_view sign : kSingleSigns)
    if (const auto name = expert_name("x.experts.0." + string(sign)); name && name->kind && fits(*name->kind, has_gate))
      kinds.push_back(name->kind);
  return kinds;
}

}  // namespace

TargetIndex::TargetIndex(const Checkpoint& checkpoint, bool with_experts) {
  add_components(checkpoint);
  const auto own = static_cast<uint32_t>(components_.size());
  std::vector<TargetTable> tables(own);
  for (uint32_t i = 0; i < own; ++i) tables[i].component = i;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const string_view name = checkpoint.tensors.name(i);
    uint32_t owner = 0;
    for (uint32_t k = 1; k < own; ++k)
      if (name.starts_with(components_[k].prefix) &&
          (owner == 0 || components_[k].prefix.size() > components_[owner].prefix.size()))
        owner = k;
    add_traced(tables[owner].tensors, name.substr(components_[owner].prefix.size()), checkpoint.tensors, i);
  }
  for (uint32_t i = 0; i < own; ++i) {
    tables[i].tensors.sort_by_name();
    add_table(std::move(tables[i]), components_[i].prefix);
  }
  for (uint32_t i = 0; i < own; ++i) {
    add_namings(components_[i], i);
    if (with_experts) add_experts(i);
  }
}

void TargetIndex::add_components(const Checkpoint& checkpoint) {
  components_.emplace_back();
  for (const PlacedComponent& placed : placed_components(checkpoint).components) {
    Component component{.prefix = placed.prefix, .member = placed.member, .is_told = true, .told = placed.told};
    component.is_t5 = placed.told && string_view(placed.told->family->name).ends_with("t5");
    has_model_ |= is_model(placed.member.role);
    encoders_ += placed.member.role == ComponentRole::text_encoder ? 1 : 0;
    components_.push_back(std::move(component));
  }
}

// A naming that the checkpoint's tensors cannot be brought to is none that an adapter of it could have.
void TargetIndex::add_namings(const Component& component, uint32_t number) {
  if (!component.told) return;
  const ToldComponent& told = *component.told;
  for (const Naming naming : other_namings(*told.family, told.naming())) {
    Checkpoint checkpoint = with_tensors(tables_[number].tensors);
    try {
      bool is_there = true;
      for (const NamingStep& step : naming_path(*told.family, told.naming(), naming)) {
        is_there = is_there && !step.no_way();
        if (is_there) rewrite(checkpoint, rules_of(step, checkpoint.tensors, ""), step.direction, "", "");
      }
      if (!is_there) continue;
    } catch (const Error&) {
      continue;
    }
    add_table({.tensors = std::move(checkpoint.tensors), .component = number, .is_own = false}, "");
  }
}

void TargetIndex::add_experts(uint32_t number) {
  const ExpertModules modules(tables_[number].tensors);
  const auto add = [&](const LayoutRules& rules, Direction direction) {
    if (rules.empty()) return;
    Checkpoint checkpoint = with_tensors(tables_[number].tensors);
    try {
      rewrite(checkpoint, rules, direction, "", "");
    } catch (const Error&) {
      return;
    }
    add_table({.tensors = std::move(checkpoint.tensors), .component = number, .is_own = false}, "");
  };
  LayoutRules stacking;
  for (const auto& [pattern, kind] : modules.single) append_expert_rules(stacking, *kind, pattern);
  add(stacking, Direction::to_left);
  if (modules.stacked.empty()) return;
  for (const ExpertKind* const kind : single_kinds(modules.has_gate)) {
    LayoutRules unstacking;
    for (const string& pattern : modules.stacked) append_expert_rules(unstacking, *kind, pattern);
    add(unstacking, Direction::to_right);
  }
}

void TargetIndex::add_table(TargetTable table, string_view prefix) {
  const auto number = static_cast<uint32_t>(tables_.size());
  tables_.push_back(std::move(table));
  const TensorTable& tensors = tables_.back().tensors;
  for (uint32_t row = 0; row < tensors.size(); ++row) {
    const string_view module = module_of_tensor(tensors.name(row));
    if (module.empty()) continue;
    const TargetEntry entry{.table = number, .row = row};
    const string plain = plain_module(module);
    add_key(underscored(module), entry);
    if (plain != module) add_key(underscored(plain), entry);
    // Of networks that no family tells.
    for (const string_view front : {"model.diffusion_model.", "diffusion_model."})
      if (module.starts_with(front)) add_key(underscored(module.substr(front.size())), entry);
    if (prefix.empty()) continue;
    const string whole = string(prefix) + string(module);
    add_key(underscored(whole), entry);
    add_key(underscored(plain_module(whole)), entry);
  }
}

void TargetIndex::add_key(string key, TargetEntry entry) {
  constexpr uint32_t kLast = UINT32_MAX;
  const auto link = static_cast<uint32_t>(links_.size());
  const auto [place, is_new] = first_.try_emplace(std::move(key), link);
  links_.push_back({entry, is_new ? kLast : place->second});
  place->second = link;
}

bool TargetIndex::is_meant(uint32_t component, string_view name, TargetScope scope) const {
  const Component& one = components_[component];
  if (scope.kind == TargetScope::Kind::any) return true;
  if (!one.is_told) {
    const std::optional<Part> part = part_of(name);
    if (scope.kind == TargetScope::Kind::encoder) return part == Part::te;
    return !has_model_ && (!part || part == Part::unet);
  }
  if (scope.kind == TargetScope::Kind::model) return is_model(one.member.role);
  if (one.member.role != ComponentRole::text_encoder) return false;
  constexpr uint32_t kOfT5 = 2;  // kohya's number of it in Flux, which has no second CLIP
  return one.member.number == scope.number || (scope.number == 0 && encoders_ == 1) ||
         (scope.number == kOfT5 && one.is_t5);
}

bool TargetIndex::is_called(TargetEntry entry, string_view name) const {
  const TargetTable& of = table(entry);
  const string whole = components_[of.component].prefix + string(module_of_tensor(of.tensors.name(entry.row)));
  const string plain = plain_module(whole);
  return std::ranges::any_of(std::array<string_view, 2>{whole, plain}, [&](string_view own) {
    return own.ends_with(name) && (own.size() == name.size() || own[own.size() - name.size() - 1] == '.');
  });
}

std::vector<TargetEntry> TargetIndex::find(string_view name, TargetScope scope) const {
  constexpr size_t kMostEntries = 64;  // of one name; dots and underscores in any order would make any number
  std::vector<TargetEntry> entries;
  const string plain = name.find('.') == string_view::npos ? string(name) : plain_module(name);
  for (const string& key : {underscored(name), underscored(plain)}) {
    const auto first = first_.find(key);
    if (first == first_.end()) continue;
    for (uint32_t link = first->second; link != UINT32_MAX && entries.size() < kMostEntries; link = links_[link].next) {
      const TargetEntry entry = links_[link].entry;
      const TargetTable& of = table(entry);
      if (is_meant(of.component, of.tensors.name(entry.row), scope) &&
          std::ranges::find(entries, entry) == entries.end())
        entries.push_back(entry);
    }
    if (!entries.empty()) break;
  }
  if (name.find('.') != string_view::npos)
    std::erase_if(entries, [&](TargetEntry entry) { return !is_called(entry, name) && !is_called(entry, plain); });
  return entries;
}

TargetEntry TargetIndex::beside(TargetEntry entry, string_view name) const {
  const size_t row = tables_[entry.table].tensors.find(name);
  return {.table = entry.table, .row = row == TensorTable::npos ? npos : static_cast<uint32_t>(row)};
}

}  // namespace ckmerge
