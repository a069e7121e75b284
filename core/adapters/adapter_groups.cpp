// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_groups.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/adapters/names/refused_types.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

struct Member {
  Factor factor;
  string_view kind;
  unsigned rank;
};

struct Module {
  string name;
  std::vector<Member> members;
  std::optional<uint32_t> alpha;
};

constexpr string_view kDora = "DoRA", kDifference = "full difference";

// The name that a whole tensor of PEFT's has in the model; empty: it has none.
string name_in_model(string name) {
  // What the module was before it was trained, and what stands below trained tokens or an adapted embedding.
  for (const string_view unused : {".original_module.", ".token_adapter.base_layer."})
    if (name.find(unused) != string::npos) return "";
  for (const string_view wrapper : {".modules_to_save.default.", ".modules_to_save."})
    if (const size_t at = name.find(wrapper); at != string::npos) return name.replace(at, wrapper.size(), ".");
  constexpr string_view kBase = ".base_layer.";
  const size_t at = name.rfind(kBase);
  if (at == string::npos) return name;
  const bool is_weight = name.ends_with(".base_layer.weight");
  return is_weight ? "" : name.replace(at, kBase.size(), ".");
}

// What a component of the name of every factor begins with; empty: nothing is known of that type.
string factor_prefix(string_view peft_type) {
  if (!is_known_type(peft_type) || !refused_type(peft_type).empty()) return "";
  if (peft_type == "ADALORA") return "lora_";
  if (peft_type == "LOHA") return "hada_";
  string prefix(peft_type);
  std::ranges::transform(prefix, prefix.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return prefix + "_";
}

bool has_component(string_view name, string_view prefix) {
  for (size_t begin = 0;;) {
    if (name.substr(begin).starts_with(prefix)) return true;
    const size_t dot = name.find('.', begin);
    if (dot == string_view::npos) return false;
    begin = dot + 1;
  }
}

// Kinds that have the factors of a LoRA beside their own.
bool extends_lora(string_view kind) { return kind == "AdaLoRA" || kind == "KaSA" || kind == "T-LoRA"; }

class Grouping {
 public:
  Grouping(const TensorTable& tensors, bool of_peft, string_view peft_type)
      : tensors_(tensors), of_peft_(of_peft), prefix_(factor_prefix(peft_type)) {}

  AdapterGroups group() {
    for (uint32_t i = 0; i < tensors_.size(); ++i) add(i);
    for (const uint32_t i : whole_) add_whole(i);
    for (Module& module : modules_) {
      if (!is_shared(module.name) || shares_nothing_with_others(module))
        finish(module);
      else
        share(module);
    }
    std::ranges::stable_sort(groups_.modules, {}, &FactorGroup::module);
    return std::move(groups_);
  }

 private:
  void add(uint32_t tensor) {
    const string_view name = tensors_.name(tensor);
    std::optional<FactorName> told = factor_name(name);
    if (!told || is_whole_of_peft(*told, name)) {
      whole_.push_back(tensor);
      return;
    }
    switch (told->role) {
      case FactorRole::unused: groups_.ignored.emplace_back(name); return;
      case FactorRole::refused: refuse(name, told->kind); return;
      case FactorRole::replaced: replace(told->module + "." + string(told->name), tensor); return;
      case FactorRole::tokens: add_tokens(std::move(told->module), tensor); return;
      case FactorRole::alpha: module_called(told->module).alpha = tensor; return;
      case FactorRole::of_module:
        module_called(told->module).members.push_back({{told->name, tensor}, told->kind, told->rank});
    }
  }

  bool is_whole_of_peft(const FactorName& told, string_view name) const {
    if (!of_peft_ || told.role == FactorRole::tokens || told.role == FactorRole::replaced) return false;
    if (told.role == FactorRole::alpha) return true;
    // Saved modules, whose parameters are weights and biases, may be called anything; a LoRA's factors are what they
    // are called, though the config says something else.
    const bool is_parameter = name.ends_with(".weight") || name.ends_with(".bias");
    const bool is_factor = told.role == FactorRole::of_module && (told.kind == "LoRA" || !is_parameter);
    return !is_factor && !has_component(name, prefix_);
  }

  // Many tensors of one kind are one reason.
  void refuse(string_view name, string_view why) {
    if (refused_.insert(string(why)).second) groups_.refusals.push_back(sentence(name, " is of ", why));
  }

  void replace(string name, uint32_t tensor) {
    if (const auto [first, is_new] = replaced_.try_emplace(name, tensor); !is_new) {
      groups_.again.emplace_back(tensor, first->second);
      groups_.ignored.emplace_back(tensors_.name(tensor));
    } else {
      groups_.replacements.push_back({.name = std::move(name), .tensor = tensor, .rows = {}});
    }
  }

  void add_tokens(string module, uint32_t tensor) {
    constexpr string_view kWrapper = ".token_adapter";
    if (module.ends_with(kWrapper)) module.resize(module.size() - kWrapper.size());
    const size_t place = groups_.replacements.size();
    replace(module + ".weight", tensor);
    if (groups_.replacements.size() > place) groups_.tokens.push_back(static_cast<uint32_t>(place));
  }

  void add_whole(uint32_t tensor) {
    const string_view name = tensors_.name(tensor);
    constexpr string_view kWeight = ".weight";
    // LyCORIS's IA3 calls its factor so.
    if (name.ends_with(kWeight)) {
      const auto found = places_.find(string(name.substr(0, name.size() - kWeight.size())));
      if (found != places_.end() && is_ia3(modules_[found->second])) {
        modules_[found->second].members.push_back({{name.substr(name.rfind('.') + 1), tensor}, "IA3 of LyCORIS", 4});
        return;
      }
    }
    if (name.starts_with("bundle_emb.")) {
      groups_.ignored.emplace_back(name);
    } else if (!of_peft_) {
      groups_.strange.emplace_back(name);
    } else if (string in_model = name_in_model(string(name)); in_model.empty()) {
      groups_.ignored.emplace_back(name);
    } else {
      replace(std::move(in_model), tensor);
    }
  }

  static bool is_ia3(const Module& module) {
    return std::ranges::any_of(module.members, [](const Member& one) { return one.factor.name == "on_input"; });
  }

  Module& module_called(const string& name) {
    const auto [place, is_new] = places_.try_emplace(name, modules_.size());
    if (is_new) modules_.push_back({.name = name, .members = {}, .alpha = {}});
    return modules_[place->second];
  }

  // What modules of its kind share is found there by its name. Without any it belongs to nothing, and where all have
  // their own it is ignored.
  void share(const Module& shared) {
    groups_.shared = kind_of(shared.members);
    for (const Member& member : shared.members) {
      const auto is_of_it = [&](const Module& other) {
        return !is_shared(other.name) && kind_of(other.members) == member.kind;
      };
      const auto same = [&](const Member& own) { return own.factor.name == member.factor.name; };
      const auto lacks_it = [&](const Module& other) {
        return is_of_it(other) && std::ranges::none_of(other.members, same);
      };
      const string_view name = tensors_.name(member.factor.tensor);
      if (std::ranges::none_of(modules_, is_of_it))
        groups_.strange.emplace_back(name);
      else if (std::ranges::none_of(modules_, lacks_it))
        groups_.ignored.emplace_back(name);
    }
  }

  // A single layer may itself be the model.
  bool shares_nothing_with_others(const Module& shared) const {
    const string_view kind = kind_of(shared.members);
    const auto is_of_it = [&](const Module& other) { return !is_shared(other.name) && kind_of(other.members) == kind; };
    return kind.starts_with("LoRA") && std::ranges::none_of(modules_, is_of_it);
  }

  static string_view kind_of(const std::vector<Member>& members) {
    const auto highest = std::ranges::max_element(members, {}, &Member::rank);
    return highest == members.end() || highest->rank == 0 ? string_view() : highest->kind;
  }

  void add_shared(std::vector<Member>& members, string_view kind) const {
    for (const char* const shared : {"base_model", "base_model.model", ""}) {
      const auto found = places_.find(shared);
      if (found == places_.end()) continue;
      for (const Member& member : modules_[found->second].members) {
        const auto same = [&](const Member& own) { return own.factor.name == member.factor.name; };
        if (member.kind == kind && std::ranges::none_of(members, same)) members.push_back(member);
      }
    }
  }

  // Differences of a bias may stand beside the factors of a weight.
  void finish(Module& module) {
    std::vector<Member> differences, factors;
    for (const Member& member : module.members) (member.kind == kDifference ? differences : factors).push_back(member);
    const bool has_differences = !differences.empty();
    if (has_differences) add_group(module, std::move(differences));
    if (!factors.empty() || !has_differences) add_group(module, std::move(factors));
  }

  void add_group(const Module& module, std::vector<Member> members) {
    string kind(kind_of(members));
    add_shared(members, kind);
    const auto is_dora = [](const Member& member) { return member.kind == kDora; };
    if (std::ranges::any_of(members, is_dora)) kind = kind == kDora ? "" : kind + " with DoRA";
    std::ranges::sort(members, {}, [](const Member& member) { return member.factor.name; });
    expect_one_of_each(module.name, members, kind);
    FactorGroup group{.module = module.name, .kind = std::move(kind), .factors = {}, .alpha = module.alpha};
    for (const Member& member : members) {
      if (member.factor.name == "oft_blocks" && tensors_[member.factor.tensor].shape.size() == 4)
        group.kind = "BOFT of LyCORIS";
      group.factors.push_back(member.factor);
    }
    groups_.modules.push_back(std::move(group));
  }

  // By name; `kind` is what they make together.
  void expect_one_of_each(const string& module, const std::vector<Member>& members, string_view kind) {
    const auto is_of_it = [&](const Member& one) {
      return kind.empty() || one.kind == kDora || kind.starts_with(one.kind) ||
             (one.kind == "LoRA" && extends_lora(kind.substr(0, kind.find(" with "))));
    };
    const auto same = std::ranges::adjacent_find(members, {}, [](const Member& one) { return one.factor.name; });
    const auto other = std::ranges::find_if_not(members, is_of_it);
    const string_view name = module.empty() ? "the model" : string_view(module);
    if (same != members.end())
      groups_.refusals.push_back(sentence(name, " has the same factor twice, ", tensors_.name(same->factor.tensor),
                                          " and ", tensors_.name((same + 1)->factor.tensor),
                                          ": save one adapter by itself"));
    else if (other != members.end())
      groups_.refusals.push_back(sentence(name, " has factors of two kinds, ", kind, " and ", other->kind, " (",
                                          tensors_.name(other->factor.tensor), "): save one adapter by itself"));
  }

  const TensorTable& tensors_;
  bool of_peft_;
  string prefix_;
  std::vector<Module> modules_;
  std::unordered_map<string, size_t> places_;      // in modules_, by name
  std::unordered_set<string> refused_;             // reasons that were told
  std::unordered_map<string, uint32_t> replaced_;  // tensors of replacements, by their names
  std::vector<uint32_t> whole_;
  AdapterGroups groups_;
};

}  // namespace

AdapterGroups group_factors(const TensorTable& tensors, bool of_peft, const string& peft_type) {
  return Grouping(tensors, of_peft, peft_type).group();
}

}  // namespace ckmerge
