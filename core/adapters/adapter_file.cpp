// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "core/adapters/adapter_configs.h"
#include "core/adapters/adapter_groups.h"
#include "core/adapters/adapter_kind.h"
#include "core/adapters/expert_parameter.h"
#include "core/adapters/module_scale.h"
#include "core/adapters/names/refused_types.h"
#include "core/adapters/replaced_rows.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

constexpr string_view kPeftPrefix = "base_model.model.";
constexpr string_view kAttentionOutput = ".base_layer.out_proj";

bool begins_with_any(string_view name, std::span<const string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](string_view prefix) { return name.starts_with(prefix); });
}

// Names in the model, as patterns of configs know them.
string_view without_peft_prefix(string_view name) {
  return name.starts_with(kPeftPrefix) ? name.substr(kPeftPrefix.size()) : name;
}

AdapterMaker maker_of(const Checkpoint& file, const AdapterConfigs& configs) {
  constexpr string_view kKohyas[] = {"lora_unet_", "lora_te",   "lora_transformer_", "lora_prior_", "oft_unet_",
                                     "hada_unet_", "lora_llm_", "lora_t5_",          "lycoris_"};
  constexpr string_view kLycoris[] = {
      "LoHa", "LoKr", "Diag-OFT", "GLoRA of LyCORIS", "IA3 of LyCORIS", "full difference", "norm", "T-LoRA"};
  if (configs.beside()) return AdapterMaker::peft;
  bool of_kohya = false, of_lycoris = false, of_diffusers = false;
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    const string_view name = file.tensors.name(i);
    if (name.starts_with("base_model.")) return AdapterMaker::peft;
    of_kohya |= begins_with_any(name, kKohyas);
    const std::optional<FactorName> told = factor_name(name);
    of_lycoris |= name.starts_with("lycoris_") || (told && begins_with_any(told->kind, kLycoris));
    of_diffusers |= name.find(".lora_A.") != string_view::npos || name.find(".lora.") != string_view::npos;
  }
  if (configs.in_metadata()) return AdapterMaker::diffusers;
  if (const string* module = metadata_value(file.metadata, "ss_network_module"))
    of_lycoris |= module->find("lycoris") != string::npos;
  return of_lycoris ? AdapterMaker::lycoris : of_diffusers && !of_kohya ? AdapterMaker::diffusers : AdapterMaker::kohya;
}

class Reader {
 public:
  explicit Reader(Checkpoint checkpoint) : configs_(checkpoint) {
    adapter_.maker = maker_of(checkpoint, configs_);
    adapter_.file = std::move(checkpoint);
  }

  Adapter read() {
    if (const auto& config = configs_.beside()) take_config(*config);
    AdapterGroups groups = group_factors(adapter_.file.tensors, adapter_.maker == AdapterMaker::peft,
                                         configs_.beside() ? configs_.beside()->type : "");
    lines_.insert(lines_.end(), groups.refusals.begin(), groups.refusals.end());
    throw_lines("cannot be merged into a model");
    expect_adapter(groups);
    parameters_ = ExpertParameters(groups.modules, configs_.beside() ? configs_.beside()->parameters : none_);
    for (FactorGroup& group : groups.modules) add(group);
    tell_unknown_kinds();
    throw_lines("cannot be merged into a model");
    for (const string& name : groups.strange) lines_.push_back(name + " is of no kind of adapter that is known");
    for (const UnreadTensor& tensor : adapter_.file.unread) lines_.push_back(tensor.name + " " + tensor.why);
    take_replacements(groups);
    lines_.insert(lines_.end(), faults_.begin(), faults_.end());
    throw_lines("cannot be read as an adapter");
    adapter_.ignored = std::move(groups.ignored);
    name_kinds();
    return std::move(adapter_);
  }

 private:
  const string& path() const { return adapter_.file.path; }

  void throw_lines(string_view what) {
    if (lines_.empty()) return;
    string text = sentence(path(), ": ", what, ": ", lines_[0]);
    if (lines_.size() > 1) text += sentence(" (and ", lines_.size() - 1, " more)");
    throw Error(ErrorCode::mismatch, path(), text, lines_.size() > 1 ? std::move(lines_) : std::vector<string>());
  }

  void take_config(const PeftConfig& config) {
    adapter_.base_model = config.base_model;
    adapter_.parameters = config.parameters;
    std::ranges::sort(adapter_.parameters);
    if (const string_view why = refused_type(config.type); !why.empty()) lines_.push_back("it " + string(why));
    if (!config.type.empty() && !is_known_type(config.type))
      lines_.push_back(sentence("it is ", valid_utf8(config.type.substr(0, 40)), ", which PEFT 0.21 does not have"));
    for (const string& why : config.refusals) lines_.push_back("it " + why);
    constexpr std::pair<string_view, string_view> kChanged[] = {{"init_lora_weights=pissa", "PiSSA"},
                                                                {"init_lora_weights=olora", "OLoRA"}};
    for (const auto& [field, method] : kChanged)
      if (config.flag(field)) tell_changed_base(method);
    if (config.has_kasa) tell_changed_base("KaSA");
  }

  void tell_changed_base(string_view method) {
    changed_by_ = method;
    adapter_.warnings.push_back(sentence(path(), ": was trained on what ", method, " left of its base",
                                         adapter_.base_model.empty() ? "" : ", " + adapter_.base_model,
                                         ", so that it fits that very model and no other"));
  }

  void expect_adapter(const AdapterGroups& groups) const {
    if (!groups.modules.empty() || (configs_.beside() && !groups.replacements.empty())) return;
    if (!groups.shared.empty())
      throw Error(ErrorCode::mismatch, path(),
                  sentence(path(), ": cannot be merged into a model: of ", groups.shared,
                           " it holds what all modules share and no module's own, so that nothing tells what each "
                           "of them has of it; save it with its projections or indices"));
    throw Error(ErrorCode::mismatch, path(),
                sentence(path(), ": is no adapter: it has ", counted(adapter_.file.tensors.size(), "tensor"),
                         " and no factor; give the file of a LoRA or its kin, or the folder that PEFT saved"));
  }

  // What the config says of the factors and they are not: it is that of another adapter, or tensors were lost.
  static string contradiction(const PeftConfig& config, const FactorGroup& group) {
    if (!may_have_kind(config.type, group.kind)) return sentence("is ", group.kind, ", its config says ", config.type);
    const auto has = [&](string_view name) {
      return std::ranges::find(group.factors, name, &Factor::name) != group.factors.end();
    };
    if (!group.kind.starts_with("LoRA")) return "";
    const bool is_dora = has("lora_magnitude_vector");
    if (config.flag("use_dora") && !is_dora) return "has no lora_magnitude_vector, and its config says use_dora";
    if (is_dora && config.number("use_dora", 1) == 0)
      return "has lora_magnitude_vector, and its config says use_dora: false";
    if (config.flag("lora_bias") && has("lora_B") && !has("lora_B.bias"))
      return "has no lora_B.bias, and its config says lora_bias";
    return "";
  }

  const AdapterKind* kind_of(const FactorGroup& group, const PeftConfig* config) const {
    string name = group.kind;
    if (name == "LoRA" && !changed_by_.empty()) name = changed_by_;
    if (config && name == "MiSS" && config->flag("init_weights=bat")) name = "MiSS bat";
    return find_adapter_kind(name);
  }

  void add(FactorGroup& group) {
    const auto [in_metadata, front] = configs_.of(group.module);
    const PeftConfig* const beside = configs_.beside() ? &*configs_.beside() : nullptr;
    const PeftConfig* const config = beside ? beside : in_metadata;
    if (!changed_by_.empty() && group.kind.starts_with("LoRA with"))
      faults_.push_back(
          sentence(group.module, ": is a DoRA on a base that ", changed_by_, " changed, which is not built yet"));
    if (group.kind.empty()) {
      faults_.push_back(sentence(group.module, " has no factors", group.alpha ? " beside its alpha" : ""));
      return;
    }
    if (beside)
      if (const string lie = contradiction(*beside, group); !lie.empty()) {
        faults_.push_back(sentence(group.module, ": ", lie, "; take the config that PEFT saved with the file"));
        return;
      }
    const AdapterKind* const kind = kind_of(group, beside);
    if (!kind) {
      unknown_.try_emplace(group.kind, group.module, 0).first->second.second += 1;
      return;
    }
    AdapterModule module{
        .name = group.module, .kind = kind, .factors = std::move(group.factors), .scale = 1, .numbers = {}};
    string fault = missing_partner(module);
    if (fault.empty()) fault = superfluous_factor(module);
    if (fault.empty()) fault = set_scale_of(module, group, config, front);
    if (fault.empty() && module.factors.empty()) fault = "it has no factor";
    // PEFT puts the output of a torch.nn.MultiheadAttention into its weight twice, and its forward does, too.
    if (module.name.ends_with(kAttentionOutput)) module.scale *= 2;
    if (!fault.empty()) faults_.push_back(sentence(module.name, ": ", fault));
    adapter_.modules.push_back(std::move(module));
  }

  // A file's own alpha says it for the module alone.
  string set_scale_of(AdapterModule& module, const FactorGroup& group, const PeftConfig* config, size_t front) {
    if (const auto flag = std::ranges::find(module.factors, "on_input", &Factor::name); flag != module.factors.end()) {
      module.numbers["on_input"] = number_in(adapter_.file, flag->tensor) != 0 ? 1 : 0;
      module.factors.erase(flag);
    }
    if (group.alpha) return set_scale(adapter_, module, number_in(adapter_.file, *group.alpha));
    if (!config && adapter_.maker == AdapterMaker::peft)
      return "nothing says what scales it: there is no adapter_config.json beside " + path() +
             "; give the folder that PEFT saved";
    if (!config) return set_scale(adapter_, module, std::nullopt);
    string name(without_peft_prefix(string_view(module.name).substr(front)));
    // It has the rank and alpha of the attention, whatever its own name is.
    if (name.ends_with(kAttentionOutput)) name.resize(name.size() - kAttentionOutput.size());
    module.parameter = parameters_.parameter(name);
    return set_scale(adapter_, module, *config, parameters_.name_in_model(name));
  }

  static string missing_partner(const AdapterModule& module) {
    constexpr std::pair<string_view, string_view> kPartners[] = {
        {"lora_A", "lora_B"},       {"lora_embedding_A", "lora_embedding_B"},
        {"hada_w1_a", "hada_w1_b"}, {"hada_w2_a", "hada_w2_b"},
        {"hada_t1", "hada_t2"},     {"lokr_w1_a", "lokr_w1_b"},
        {"lokr_w2_a", "lokr_w2_b"}, {"lora_mid", "lora_A"}};
    for (const auto& [one, other] : kPartners) {
      if (has(module, one) && !has(module, other)) return sentence("it has ", one, " and no ", other, " beside it");
      if (has(module, other) && !has(module, one) && one != "lora_mid")
        return sentence("it has ", other, " and no ", one, " beside it");
    }
    return "";
  }

  static string superfluous_factor(const AdapterModule& module) {
    constexpr std::pair<string_view, string_view> kAlternatives[] = {{"lokr_w1", "lokr_w1_a"},
                                                                     {"lokr_w2", "lokr_w2_a"},
                                                                     {"lora_A", "lora_embedding_A"},
                                                                     {"oft_R", "oft_embedding_R"},
                                                                     {"hira_A", "hira_embedding_A"}};
    for (const auto& [one, other] : kAlternatives)
      if (has(module, one) && has(module, other))
        return sentence("it has both ", one, " and ", other, ", of which one alone can be meant");
    return "";
  }

  static bool has(const AdapterModule& module, string_view factor) {
    return std::ranges::find(module.factors, factor, &Factor::name) != module.factors.end();
  }

  void tell_unknown_kinds() {
    for (const auto& [kind, example] : unknown_)
      lines_.push_back(
          sentence(kind, " is a kind that is not built yet: ", example.first,
                   example.second > 1 ? sentence(" and ", counted(example.second - 1, "further module")) : "",
                   example.second > 1 ? " are of it" : " is of it"));
  }

  void take_replacements(AdapterGroups& groups) {
    for (const uint32_t place : groups.tokens) {
      AdapterReplacement& rows = groups.replacements[place];
      if (string fault = set_rows(rows); !fault.empty()) faults_.push_back(sentence(rows.name, ": ", fault));
    }
    for (const auto& [again, first] : groups.again)
      if (!have_same_bytes(adapter_.file, again, first))
        faults_.push_back(sentence(adapter_.file.tensors.name(again), " and ", adapter_.file.tensors.name(first),
                                   " are of one tensor of the model and not the same: take out what is not meant"));
    adapter_.replacements = std::move(groups.replacements);
  }

  // The config alone says which tokens they are.
  string set_rows(AdapterReplacement& replacement) const {
    const Shape shape = adapter_.file.tensors[replacement.tensor].shape;
    const string_view weight = without_peft_prefix(replacement.name);
    const string_view module = weight.substr(0, weight.rfind('.'));
    if (configs_.beside())
      for (const auto& [name, rows] : configs_.beside()->tokens)
        if (name.empty() || module == name || module.ends_with("." + name)) replacement.rows = rows;
    if (shape.size() != 2 || replacement.rows.size() != shape[0])
      return sentence("it holds rows of ", counted(shape.empty() ? 0 : shape[0], "token"), ", its config names ",
                      replacement.rows.size(), " (trainable_token_indices)");
    std::vector<uint64_t> sorted = replacement.rows;
    std::ranges::sort(sorted);
    return std::ranges::adjacent_find(sorted) == sorted.end() ? "" : "its config names a token twice";
  }

  void name_kinds() {
    std::vector<string_view> kinds;
    for (const AdapterModule& module : adapter_.modules)
      if (std::ranges::find(kinds, module.kind->name) == kinds.end()) kinds.push_back(module.kind->name);
    if (kinds.empty()) kinds.push_back("whole tensors");
    for (const string_view kind : kinds) adapter_.kind += (adapter_.kind.empty() ? "" : ", ") + string(kind);
  }

  const std::vector<string> none_;
  Adapter adapter_;
  AdapterConfigs configs_;
  ExpertParameters parameters_;
  string changed_by_;  // what changed the base that modules of LoRA are of; empty: nothing
  std::vector<string> lines_, faults_;
  std::map<string, std::pair<string, size_t>> unknown_;  // by kind: a module, and how many there are
};

}  // namespace

const char* name(AdapterMaker maker) {
  constexpr const char* kNames[] = {"kohya", "LyCORIS", "diffusers", "PEFT"};
  return kNames[static_cast<size_t>(maker)];
}

Adapter read_adapter(Checkpoint checkpoint) { return Reader(std::move(checkpoint)).read(); }

}  // namespace ckmerge
