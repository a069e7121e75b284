// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_experts.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "core/families/expert_kinds.h"
#include "core/families/spellings.h"
#include "core/layouts/rewriting.h"
#include "core/names/any_numbers.h"
#include "core/names/lacking_names.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

constexpr int kFirstExperts = 64;  // by which experts are told, where a file lacks some

// The experts of one layer.
struct Module {
  std::string name;
  bool stacked = false, single = false, has_gate = false;
  const ExpertKind* kind = nullptr;  // of the single ones
};

// By their names without what spellings differ in.
using Modules = std::map<std::string, Module>;

void take(Modules& modules, string_view name) {
  const auto parts = expert_name(name);
  if (!parts) return;
  if (!parts->is_stacked && !parts->kind) return;
  Module& module = modules[plain_name(parts->module).text];
  if (module.name.empty()) module.name = parts->module;
  module.stacked |= parts->is_stacked;
  module.single |= !parts->is_stacked;
  module.has_gate |= parts->has_gate;
  // A gate tells more than up, which both kinds have.
  if (parts->kind && (!module.kind || fits(*parts->kind, true))) module.kind = parts->kind;
}

Modules modules_of(const TensorTable& tensors) {
  Modules modules;
  for (size_t i = 0; i < tensors.size(); ++i) take(modules, tensors.name(i));
  return modules;
}

Modules modules_of(const TensorTable& tensors, const std::vector<uint32_t>& rows) {
  Modules modules;
  for (const uint32_t row : rows) take(modules, tensors.name(row));
  return modules;
}

// Patterns that match the modules that are meant and no other: of numbers where all with them are meant.
std::set<std::string> patterns_of(const std::set<std::string>& meant, const std::set<std::string>& all) {
  std::map<std::string, std::pair<size_t, size_t>> counts;
  for (const std::string& name : all) ++counts[with_any_numbers(name)].second;
  for (const std::string& name : meant) ++counts[with_any_numbers(name)].first;
  std::set<std::string> patterns;
  for (const std::string& name : meant) {
    const std::string pattern = with_any_numbers(name);
    const auto [wanted, there] = counts[pattern];
    patterns.insert(wanted == there ? pattern : name);
  }
  return patterns;
}

struct Task {
  const ExpertKind* kind;
  Direction direction;
  friend auto operator<=>(const Task&, const Task&) = default;
};

std::map<Task, std::set<std::string>> tasks_of(const Modules& own, const Modules& theirs) {
  std::map<Task, std::set<std::string>> tasks;
  for (const auto& [key, module] : theirs) {
    const auto found = own.find(key);
    if (found == own.end()) continue;
    const Module& wanted = found->second;
    if (wanted.stacked && module.single && module.kind && !module.stacked && fits(*module.kind, wanted.has_gate))
      tasks[{module.kind, Direction::to_left}].insert(module.name);
    if (wanted.single && module.stacked && wanted.kind && !module.single && fits(*wanted.kind, module.has_gate))
      tasks[{wanted.kind, Direction::to_right}].insert(module.name);
  }
  return tasks;
}

std::set<std::string> names_of(const Modules& modules) {
  std::set<std::string> names;
  for (const auto& [key, module] : modules) names.insert(module.name);
  return names;
}

constexpr std::array<string_view, 3> kExpertParts{".gate_up_proj", ".up_proj", ".down_proj"};

bool are_experts(string_view name) {
  constexpr string_view kExperts = ".experts";
  if (!name.ends_with("_proj")) return false;
  const size_t dot = name.rfind('.');
  return dot != string_view::npos && name.substr(0, dot).ends_with(kExperts) &&
         std::ranges::find(kExpertParts, name.substr(dot)) != kExpertParts.end();
}

// Stacked experts by their modules: whether they lie otherwise than the first one's.
struct Turned {
  std::set<std::string> names, modules;
};

bool is_turned(Shape own, Shape theirs) {
  return own.size() == 3 && theirs.size() == 3 && own[0] == theirs[0] && own[1] == theirs[2] && own[2] == theirs[1] &&
         own[1] != own[2];
}

std::string module_of(string_view name) { return std::string(name.substr(0, name.rfind('.'))); }

Turned turned_experts(const TensorTable& first, const TensorTable& other) {
  Turned turned;
  for (size_t i = 0; i < other.size(); ++i) {
    const string_view name = other.name(i);
    const size_t found = are_experts(name) ? first.find(name) : TensorTable::npos;
    if (found == TensorTable::npos || !is_turned(first[found].shape, other[i].shape)) continue;
    turned.names.emplace(name);
    turned.modules.insert(module_of(name));
  }
  if (turned.names.empty()) return turned;
  for (size_t i = 0; i < other.size(); ++i) {
    const Tensor tensor = other[i];
    const bool is_square = tensor.shape.size() == 3 && tensor.shape[1] == tensor.shape[2];
    if (is_square && are_experts(tensor.name) && turned.modules.contains(module_of(tensor.name)))
      turned.names.emplace(tensor.name);
  }
  return turned;
}

enum class Lie : uint8_t { plain, turned, unknown };

// A layer's own are single, as `kind` says: (out, in). Whether the stacked ones lie so, (experts, out, in), or
// (experts, in, out); what is square tells nothing.
Lie lie_of(const TensorTable& first, const Module& own, const TensorTable& other, const std::string& theirs) {
  const ExpertKind& kind = *own.kind;
  size_t single = TensorTable::npos;
  for (int expert = 0; expert < kFirstExperts && single == TensorTable::npos; ++expert)
    single = first.find(sentence(own.name, ".", expert, ".", kind.out_of.single));
  if (single == TensorTable::npos || first[single].shape.size() != 2) return Lie::plain;
  const uint64_t out = first[single].shape[0], in = first[single].shape[1];
  bool can_be_plain = true, can_be_turned = true;
  const auto look_at = [&](string_view part, uint64_t rows, uint64_t columns) {
    const size_t row = other.find(sentence(theirs, ".", part));
    if (row == TensorTable::npos || other[row].shape.size() != 3) return;
    const Shape shape = other[row].shape;
    can_be_plain = can_be_plain && shape[1] == rows && shape[2] == columns;
    can_be_turned = can_be_turned && shape[1] == columns && shape[2] == rows;
  };
  look_at(kind.out_of.stacked, out, in);
  look_at(kind.into.stacked, fits(kind, true) ? 2 * in : in, out);
  if (can_be_plain == can_be_turned) return can_be_plain ? Lie::unknown : Lie::plain;
  return can_be_plain ? Lie::plain : Lie::turned;
}

void turn(Checkpoint& checkpoint, const std::set<std::string>& meant) {
  std::set<std::string> all;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (are_experts(checkpoint.tensors.name(i))) all.emplace(checkpoint.tensors.name(i));
  LayoutRules rules;
  for (const std::string& pattern : patterns_of(meant, all))
    rules.push_back({.left = pattern, .right = pattern, .reshaping = Reshaping::transpose});
  rewrite(checkpoint, rules, Direction::to_left, "", "");
}

// Before they are taken apart. Returns names of those of which it cannot be told whether they need it.
std::vector<std::string> turn_stacked(const Checkpoint& first, const Modules& own, Checkpoint& other,
                                      const Modules& theirs) {
  std::set<std::string> meant;
  std::vector<std::string> doubtful;
  for (const auto& [key, module] : theirs) {
    const auto found = own.find(key);
    if (found == own.end() || !found->second.single || !found->second.kind || !module.stacked) continue;
    const ExpertKind& kind = *found->second.kind;
    if (!fits(kind, module.has_gate)) continue;
    const Lie lie = lie_of(first.tensors, found->second, other.tensors, module.name);
    for (const string_view part : {kind.into.stacked, kind.out_of.stacked}) {
      if (lie == Lie::turned) meant.insert(sentence(module.name, ".", part));
      if (lie == Lie::unknown) doubtful.push_back(sentence(module.name, ".", part));
    }
  }
  if (!meant.empty()) turn(other, meant);
  return doubtful;
}

bool is_square(Shape shape) { return shape.size() == 3 && shape[1] == shape[2]; }

// Whether another tensor of the module, which both have, is not square, so that it would have been turned.
bool is_told_by_another(const TensorTable& first, const TensorTable& other, string_view name) {
  const std::string module = module_of(name);
  return std::ranges::any_of(kExpertParts, [&](string_view part) {
    const std::string sibling = module + std::string(part);
    const size_t own = first.find(sibling), theirs = other.find(sibling);
    return own != TensorTable::npos && theirs != TensorTable::npos && !is_square(first[own].shape) &&
           std::ranges::equal(first[own].shape, other[theirs].shape);
  });
}

// Names of stacked experts by what they mean; npos where it cannot be told which row is meant.
std::map<std::string, size_t> stacked_by_meaning(const TensorTable& tensors, const std::vector<uint32_t>& rows) {
  std::map<std::string, size_t> found;
  for (const uint32_t row : rows) {
    const std::string plain = plain_name(tensors.name(row)).text;  // with a dot at its end
    if (!are_experts(string_view(plain).substr(0, plain.size() - 1))) continue;
    const auto [place, is_new] = found.try_emplace(plain, row);
    if (!is_new) place->second = TensorTable::npos;
  }
  return found;
}

// Turned ones get the first one's names, where they are spelled otherwise: by shape they would not be found.
size_t rename_turned(const TensorTable& first, const LackingNames& lacking, Checkpoint& other) {
  const std::map<std::string, size_t> own = stacked_by_meaning(first, lacking.of_first);
  if (own.empty()) return 0;
  std::map<std::string, std::string, std::less<>> renamed;
  for (const auto& [plain, row] : stacked_by_meaning(other.tensors, lacking.of_other)) {
    const auto found = own.find(plain);
    if (found == own.end() || found->second == TensorTable::npos || row == TensorTable::npos) continue;
    if (is_turned(first[found->second].shape, other.tensors[row].shape))
      renamed.emplace(other.tensors.name(row), first.name(found->second));
  }
  if (renamed.empty()) return 0;
  other.rename([&](string_view name) {
    const auto found = renamed.find(name);
    return found == renamed.end() ? std::string(name) : found->second;
  });
  return renamed.size();
}

}  // namespace

EquatedExperts equate_experts(const Checkpoint& first, Checkpoint& other) {
  EquatedExperts equated;
  const LackingNames lacking = lacking_names(first.tensors, other.tensors);
  if (!lacking.on_both_sides()) return equated;
  const Modules own = modules_of(first.tensors, lacking.of_first);
  if (own.empty()) return equated;
  const Modules theirs = modules_of(other.tensors);
  equated.doubtful = turn_stacked(first, own, other, theirs);
  for (const auto& [task, meant] : tasks_of(own, theirs)) {
    LayoutRules rules;
    for (const std::string& pattern : patterns_of(meant, names_of(theirs)))
      append_expert_rules(rules, *task.kind, pattern);
    rewrite(other, rules, task.direction, "", "");
    const bool stacked = task.direction == Direction::to_left;
    equated.done.push_back(
        sentence("experts of ", counted(meant.size(), "layer"), stacked ? " stacked" : " as single tensors"));
  }
  if (const size_t renamed = rename_turned(first.tensors, lacking_names(first.tensors, other.tensors), other))
    equated.done.push_back(sentence("stacked experts called as A calls them, ", counted(renamed, "tensor")));
  return equated;
}

std::vector<std::string> undecided_experts(const Checkpoint& first, const Checkpoint& other) {
  std::vector<std::string> names;
  for (size_t i = 0; i < other.tensors.size(); ++i) {
    const string_view name = other.tensors.name(i);
    if (!are_experts(name) || !is_square(other.tensors[i].shape)) continue;
    const size_t own = first.tensors.find(name);
    if (own == TensorTable::npos || !std::ranges::equal(first.tensors[own].shape, other.tensors[i].shape)) continue;
    if (!is_told_by_another(first.tensors, other.tensors, name)) names.emplace_back(name);
  }
  return names;
}

std::vector<std::string> turn_experts(const Checkpoint& first, Checkpoint& other) {
  const Turned turned = turned_experts(first.tensors, other.tensors);
  if (turned.names.empty()) return {};
  turn(other, turned.names);
  return {sentence(counted(turned.names.size(), "tensor"), " of stacked experts turned")};
}

}  // namespace ckmerge
