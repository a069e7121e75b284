// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_experts.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/families/expert_kinds.h"
#include "core/families/spellings.h"
#include "core/inputs/lacking_names.h"
#include "core/layouts/rewriting.h"
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

std::string with_any_numbers(string_view name) {
  std::string pattern;
  while (!name.empty()) {
    const size_t component = std::min(name.find('.'), name.size());
    const string_view text = name.substr(0, component);
    const bool number = !text.empty() && text.find_first_not_of("0123456789") == string_view::npos;
    pattern += number ? string_view("#") : text;
    if (component < name.size()) pattern += '.';
    name.remove_prefix(std::min(component + 1, name.size()));
  }
  return pattern;
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

bool are_experts(string_view name) {
  return name.ends_with(".experts.gate_up_proj") || name.ends_with(".experts.up_proj") ||
         name.ends_with(".experts.down_proj");
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

// What is wanted is single, as `kind` says, and of `own`; the stacked ones lie (experts, in, out) where a layer's own
// lie (out, in).
bool lies_turned(const TensorTable& first, const Module& own, const TensorTable& other, const std::string& theirs) {
  const ExpertKind& kind = *own.kind;
  size_t single = TensorTable::npos;
  for (int expert = 0; expert < kFirstExperts && single == TensorTable::npos; ++expert)
    single = first.find(sentence(own.name, ".", expert, ".", kind.out_of.single));
  if (single == TensorTable::npos || first[single].shape.size() != 2) return false;
  const uint64_t out = first[single].shape[0], in = first[single].shape[1];
  const auto is_stacked_as = [&](string_view part, uint64_t rows, uint64_t columns) {
    const size_t row = other.find(sentence(theirs, ".", part));
    if (row == TensorTable::npos || other[row].shape.size() != 3) return false;
    return other[row].shape[1] == rows && other[row].shape[2] == columns;
  };
  const uint64_t gated = fits(kind, true) ? 2 * in : in;
  const bool is_plain = is_stacked_as(kind.out_of.stacked, out, in) && is_stacked_as(kind.into.stacked, gated, out);
  return !is_plain && is_stacked_as(kind.out_of.stacked, in, out) && is_stacked_as(kind.into.stacked, out, gated);
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

// Before they are taken apart.
void turn_stacked(const Checkpoint& first, const Modules& own, Checkpoint& other, const Modules& theirs) {
  std::set<std::string> meant;
  for (const auto& [key, module] : theirs) {
    const auto found = own.find(key);
    if (found == own.end() || !found->second.single || !found->second.kind || !module.stacked) continue;
    const ExpertKind& kind = *found->second.kind;
    if (!fits(kind, module.has_gate) || !lies_turned(first.tensors, found->second, other.tensors, module.name))
      continue;
    for (const string_view part : {kind.into.stacked, kind.out_of.stacked})
      meant.insert(sentence(module.name, ".", part));
  }
  if (!meant.empty()) turn(other, meant);
}

}  // namespace

std::vector<std::string> equate_experts(const Checkpoint& first, Checkpoint& other) {
  const LackingNames lacking = lacking_names(first.tensors, other.tensors);
  if (!lacking.on_both_sides()) return {};
  const Modules own = modules_of(first.tensors, lacking.of_first);
  if (own.empty()) return {};
  const Modules theirs = modules_of(other.tensors);
  turn_stacked(first, own, other, theirs);
  std::vector<std::string> done;
  for (const auto& [task, meant] : tasks_of(own, theirs)) {
    LayoutRules rules;
    for (const std::string& pattern : patterns_of(meant, names_of(theirs)))
      append_expert_rules(rules, *task.kind, pattern);
    rewrite(other, rules, task.direction, "", "");
    const bool stacked = task.direction == Direction::to_left;
    done.push_back(
        sentence("experts of ", counted(meant.size(), "layer"), stacked ? " stacked" : " as single tensors"));
  }
  return done;
}

std::vector<std::string> turn_experts(const Checkpoint& first, Checkpoint& other) {
  const Turned turned = turned_experts(first.tensors, other.tensors);
  if (turned.names.empty()) return {};
  turn(other, turned.names);
  return {sentence(counted(turned.names.size(), "tensor"), " of stacked experts turned")};
}

}  // namespace ckmerge
