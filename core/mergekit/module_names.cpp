// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/module_names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/names/near_name.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

// As mergekit's tables of architectures call them, and its guesses.
constexpr std::array<std::string_view, 5> kLanguageModules = {"default", "text_decoder", "decoder", "language_model",
                                                              "text_model"};
constexpr std::string_view kLanguage = "text_decoder", kSight = "vision_tower", kProjector = "multi_modal_projector";

// Modules that are called otherwise in names of tensors: by a whole component, or by how one begins.
struct ModuleWord {
  std::string_view module, component;
  bool is_whole;
  int fit;  // a projector lies within what sees
};
constexpr auto kWords = std::to_array<ModuleWord>({{kProjector, "mm_projector", true, 2},
                                                   {kProjector, "merger", true, 2},
                                                   {kProjector, "deepstack_merger_list", true, 2},
                                                   {kSight, "visual", true, 1},
                                                   {kSight, "vision", false, 1},
                                                   {"vision_model", "visual", true, 1},
                                                   {"vision_model", "vision", false, 1},
                                                   {"vision_encoder", "visual", true, 1},
                                                   {"vision_encoder", "vision", false, 1},
                                                   {"visual", "vision", false, 1},
                                                   {"vision", "visual", true, 1},
                                                   {"vision", "vision", false, 1}});
constexpr int kByItsName = 3;
constexpr size_t kMostTold = 8;  // modules in a message

bool has_component(std::string_view name, std::string_view word, bool is_whole) {
  for (size_t at = name.find(word); at != name.npos; at = name.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || name[at - 1] == '.') && (!is_whole || end == name.size() || name[end] == '.')) return true;
  }
  return false;
}

// What can be named of a model, as messages list it.
std::vector<std::string> modules_in(const Checkpoint& model, std::span<const LayerRun> runs) {
  std::vector<std::string> modules = {std::string(kLanguage)};
  for (const std::string_view module : {kSight, kProjector})
    for (size_t i = 0; i < model.tensors.size(); ++i)
      if (module_fit(model.tensors.name(i), module) > 0) {
        modules.emplace_back(module);
        break;
      }
  const std::vector<LayerRun> all(runs.begin(), runs.end());
  const LayerRun* const language = language_run(all);
  for (const LayerRun& run : all) {
    const auto fits = [&](const std::string& module) { return module_fit(run.prefix, module) > 0; };
    if (&run != language && modules.size() < kMostTold && std::ranges::none_of(modules, fits))
      modules.push_back(run.prefix);
  }
  return modules;
}

[[noreturn]] void refuse_unknown(const MergekitModule& module, const Checkpoint& model, std::span<const LayerRun> runs,
                                 const std::string& where) {
  std::vector<std::string> known = modules_in(model, runs);
  std::string list;
  for (const std::string& one : known) list += (list.empty() ? "" : ", ") + valid_utf8(one);
  known.insert(known.end(), kLanguageModules.begin(), kLanguageModules.end());
  const std::string near = nearest_name(module.name, known);
  refuse_at(where, module.place,
            sentence("'", valid_utf8(module.name), "' is no module of ", model.path, ", which has ", list,
                     near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace

bool names_language_module(std::string_view module) {
  return module.empty() || std::ranges::find(kLanguageModules, module) != kLanguageModules.end();
}

int module_fit(std::string_view name, std::string_view module) {
  if (has_component(name, module, true)) return kByItsName;
  int fit = 0;
  for (const ModuleWord& word : kWords)
    if (word.module == module && has_component(name, word.component, word.is_whole)) fit = std::max(fit, word.fit);
  return fit;
}

void check_modules(const MergekitConfig& document, const Checkpoint& model, std::span<const LayerRun> runs,
                   const std::string& where) {
  const std::vector<MergekitModule>& modules = document.modules;
  const MergekitModule* language = nullptr;
  std::vector<size_t> has(modules.size()), fits(modules.size());  // tensors
  const bool has_others =
      std::ranges::any_of(modules, [](const auto& one) { return !names_language_module(one.name); });
  for (size_t i = 0; has_others && i < model.tensors.size(); ++i) {
    int best = 0;
    size_t best_module = 0;
    for (size_t k = 0; k < modules.size(); ++k) {
      if (names_language_module(modules[k].name)) continue;
      const int fit = module_fit(model.tensors.name(i), modules[k].name);
      fits[k] += fit > 0;
      if (fit > best) best = fit, best_module = k;
    }
    has[best_module] += best > 0;
  }
  for (size_t k = 0; k < modules.size(); ++k) {
    const MergekitModule& module = modules[k];
    if (names_language_module(module.name)) {
      if (language)
        refuse_at(where, module.place,
                  sentence("'", module.name, "' is the language model, as is '", language->name, "' in line ",
                           language->place.line, "; give one of them"));
      language = &module;
    } else if (fits[k] == 0) {
      refuse_unknown(module, model, runs, where);
    } else if (has[k] == 0) {
      refuse_at(where, module.place,
                sentence("all that '", valid_utf8(module.name), "' is of ", model.path,
                         " belongs to another module of this configuration; give one of them"));
    }
  }
}

}  // namespace ckmerge
