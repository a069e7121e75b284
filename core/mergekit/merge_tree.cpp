// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/merge_tree.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/mergekit/drawn_shares.h"
#include "core/mergekit/module_names.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Side = LayerPlace::Side;

// Of the result, and of the documents in each other for all of them: what hostile documents multiply to.
constexpr uint32_t kMostLayers = 1U << 16, kMostCalls = 1U << 17;

using Base = MergekitMethod::Base;

std::string path_text(const MergekitModel& model) { return sentence("'", valid_utf8(model.text), "'"); }

const MergekitModel* base_of(const MergekitConfig& document, const MergekitSlice& slice) {
  if (slice.base) return &*slice.base;
  return document.base ? &*document.base : nullptr;
}

// Whether the base is what the method works from, and no model among others.
bool works_from_base(const MergekitMethod& method, const MergekitModel* base,
                     const std::vector<MergekitSource>& sources) {
  if (method.base == Base::counts || !base) return false;
  return std::ranges::find(sources, *base, &MergekitSource::model) != sources.end();
}

// How many models it takes, where there are others.
std::string models_taken(const MergekitMethod& method, size_t least, size_t most) {
  if (least == most) return counted(most, "model");
  return method.most == SIZE_MAX ? "at least " + counted(least, "model") : "at most " + counted(most, "model");
}

}  // namespace

MergeTrees::MergeTrees(const MergekitInputs& inputs) : inputs_(inputs), result_(inputs.file.result()) {
  for (const Checkpoint& checkpoint : inputs.checkpoints) runs_.push_back(layer_runs(checkpoint.tensors));
  if (!runs_.empty())
    if (const LayerRun* const run = language_run(runs_[0])) language_ = run->prefix;
  std::set<const MergekitConfig*> checked;
  check_circles(result_, {}, checked);
}

void MergeTrees::refuse(const YamlValue& place, const std::string& what) const {
  refuse_at(inputs_.file.where, place, what);
}

void MergeTrees::check_circles(const MergekitConfig& document, std::set<std::string> above,
                               std::set<const MergekitConfig*>& checked) const {
  if (!above.insert(document.name).second)
    refuse(document.place, sentence("the document '", document.name, "' is made of itself"));
  if (!checked.insert(&document).second) return;
  static_cast<void>(mergekit_method(document.method, document.method_place, inputs_.file.where));
  if (!inputs_.is_flat && !runs_.empty()) check_modules(document, inputs_.checkpoints[0], runs_[0], inputs_.file.where);
  for (const MergekitModel& model : document.models())
    if (const MergekitConfig* const below = inputs_.file.called(model.text)) check_circles(*below, above, checked);
}

// The language model's, whatever its prefix is there, or one of the same prefix; of names that are spelled otherwise
// (vision_tower.vision_model.) the only other one that ends alike.
const LayerRun* MergeTrees::run_of(size_t input, const std::string& run) const {
  const std::vector<LayerRun>& runs = runs_[input];
  const LayerRun* const language = language_run(runs);
  if (run == language_) return language;
  const auto found = std::ranges::find(runs, run, &LayerRun::prefix);
  if (found != runs.end()) return &*found;
  const auto end_of = [](const std::string& prefix) { return prefix.substr(prefix.rfind('.') + 1); };
  const auto ends_alike = [&](const LayerRun& one) { return &one != language && end_of(one.prefix) == end_of(run); };
  const auto alike = std::ranges::find_if(runs, ends_alike);
  return std::ranges::count_if(runs, ends_alike) == 1 ? &*alike : nullptr;
}

std::vector<std::string> MergeTrees::prefixes(const LayerPlace& place) const {
  std::vector<std::string> prefixes = {place.prefix()};
  for (size_t input = 1; input < runs_.size() && place.is_layer(); ++input)
    if (const LayerRun* const run = run_of(input, place.run); run && run->prefix != place.run) {
      std::string prefix = sentence(run->prefix, ".", place.layer, ".");
      if (std::ranges::find(prefixes, prefix) == prefixes.end()) prefixes.push_back(std::move(prefix));
    }
  return prefixes;
}

// ---- layers

uint32_t MergeTrees::layers_of(const MergekitModel& model, const std::string& run) const {
  if (const MergekitConfig* const document = inputs_.file.called(model.text)) return layers_of(*document, run);
  const auto input = static_cast<size_t>(std::ranges::find(inputs_.models, model) - inputs_.models.begin());
  const LayerRun* const found = run_of(input, run);
  return found ? found->layers : 0;
}

uint32_t MergeTrees::layers_of(const MergekitConfig& document, const std::string& run) const {
  const auto known = layers_.find({&document, run});
  if (known != layers_.end()) return known->second;
  const MergekitModule* const module = module_of(document, {.side = Side::layer, .run = run});
  const uint32_t layers = module ? ends_of(*module, run).back() : layers_of(document.models().front(), run);
  return layers_[{&document, run}] = layers;
}

// Of each slice how many layers there are up to its end.
const std::vector<uint32_t>& MergeTrees::ends_of(const MergekitModule& module, const std::string& run) const {
  const auto known = ends_.find({&module, run});
  if (known != ends_.end()) return known->second;
  std::vector<uint32_t> ends;
  for (const MergekitSlice& slice : module.slices) {
    ends.push_back((ends.empty() ? 0 : ends.back()) + layers_of(module, slice, run));
    if (ends.back() > kMostLayers) refuse(module.place, sentence("there are more than ", kMostLayers, " layers"));
  }
  return ends_[{&module, run}] = std::move(ends);
}

uint32_t MergeTrees::layers_of(const MergekitModule& module, const MergekitSlice& slice, const std::string& run) const {
  const auto layers = [&](const MergekitSource& source) {
    const uint32_t all = layers_of(source.model, run);
    if (!source.layers) return all;
    if (source.layers->second > all)
      refuse(source.model.place,
             sentence("the slice is of layers ", source.layers->first, " to ", source.layers->second - 1, ", but ",
                      path_text(source.model), " has ", counted(all, "layer"), " of ", run));
    return source.layers->second - source.layers->first;
  };
  const uint32_t first = layers(slice.sources[0]);
  for (const MergekitSource& source : slice.sources)
    if (layers(source) != first)
      refuse(source.model.place, sentence(path_text(source.model), " gives ", counted(layers(source), "layer"), " of ",
                                          run, " where ", path_text(slice.sources[0].model), " gives ", first,
                                          module.of_models ? "; models are merged layer by layer, others by slices"
                                                           : "; all sources of a slice have as many layers"));
  return first;
}

bool MergeTrees::is_of_run(const MergekitModule& module, const std::string& run) const {
  if (module.name.empty()) return module.of_models || run == language_;
  if (module.name == run) return true;
  if (names_language_module(module.name)) return run == language_;
  return run != language_ && module_fit(run, module.name) > 0;  // "encoder" of model.encoder.layers
}

const MergekitModule* MergeTrees::module_of(const MergekitConfig& document, const LayerPlace& place) const {
  const MergekitModule* best = nullptr;
  for (const MergekitModule& module : document.modules)
    if (place.is_layer() ? is_of_run(module, place.run)
                         : module.name == place.module || (place.module.empty() && names_language_module(module.name)))
      if (!best || module_fit(place.run, module.name) > module_fit(place.run, best->name)) best = &module;
  if (best) return best;
  return document.modules.size() == 1 && document.modules[0].name.empty() ? &document.modules[0] : nullptr;
}

std::vector<LayerPlace> MergeTrees::places() const {
  std::vector<LayerPlace> places = {{}};
  if (inputs_.is_flat) return places;
  places.push_back({.side = Side::behind});
  for (const MergekitModule& module : result_.modules)
    if (!names_language_module(module.name)) places.push_back({.module = module.name});
  for (const LayerRun& run : runs_[0]) {
    if (is_carried(run.prefix)) continue;
    for (uint32_t layer = 0; layer < layers_of(result_, run.prefix); ++layer)
      places.push_back({.side = Side::layer, .run = run.prefix, .layer = layer});
  }
  return places;
}

// Beside slices of the language model's layers other runs are merged as what lies before these.
bool MergeTrees::is_carried(const std::string& run) const {
  return inputs_.is_flat || (result_.modules[0].name.empty() && !result_.modules[0].of_models && run != language_);
}

uint32_t MergeTrees::layers(const std::string& run) const {
  return is_carried(run) ? run_of(0, run)->layers : layers_of(result_, run);
}

uint32_t MergeTrees::most_layers(const std::string& run) const {
  uint32_t most = 0;
  for (const auto& [of, layers] : layers_)
    if (of.second == run) most = std::max(most, layers);
  return most;
}

// ---- trees

MergeTrees::Choice MergeTrees::choice(const MergekitConfig& document, const MergekitModule& module,
                                      const LayerPlace& place) const {
  if (!place.is_layer() || !is_of_run(module, place.run))
    return {&module, place.side == Side::behind ? &module.slices.back() : &module.slices.front()};
  const std::vector<uint32_t>& ends = ends_of(module, place.run);
  const auto end = std::ranges::upper_bound(ends, place.layer);
  if (end == ends.end())
    refuse(module.place,
           sentence("there is no layer ", place.layer, " of ", place.run, ": ",
                    document.name.empty() ? "the result" : "'" + document.name + "'", " has ", ends.back()));
  const uint32_t first = end == ends.begin() ? 0 : *(end - 1);
  return {&module, &module.slices[static_cast<size_t>(end - ends.begin())], place.layer - first, *end - first};
}

std::vector<MergekitSource> MergeTrees::sources_of(const MergekitConfig& document, const Choice& choice) const {
  std::vector<MergekitSource> sources = choice.slice->sources;
  const bool has_base =
      document.base && std::ranges::find(sources, *document.base, &MergekitSource::model) != sources.end();
  if (choice.module->of_models && document.base && !has_base) sources.push_back({.model = *document.base});
  return sources;
}

void MergeTrees::check_sources(const MergekitConfig& document, const MergekitMethod& method, const MergekitSlice& slice,
                               const std::vector<MergekitSource>& sources) const {
  for (size_t i = 0; i < sources.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      if (sources[i].model == sources[k].model)
        refuse(sources[i].model.place, sentence(path_text(sources[i].model), " is given twice, first in line ",
                                                sources[k].model.place.line, "; a model is merged once"));
  const MergekitModel* const base = base_of(document, slice);
  const bool is_based = works_from_base(method, base, sources);
  if (method.base == Base::needed && !base)
    refuse(document.place, sentence("'base_model' is missing, on which ", method.name, " builds"));
  if (method.base == Base::needed && !is_based)
    refuse(slice.place, sentence("the base ", path_text(*base), " is none of the sources of this slice, of which ",
                                 method.name, " needs it"));
  const size_t beside = is_based && method.base == Base::optional ? 1 : 0, count = sources.size() - beside;
  if (count >= method.least && count <= method.most) return;
  const char* const with_base = beside > 0                                      ? " beside the base"
                                : base && sources.size() > slice.sources.size() ? " with the base"
                                                                                : "";
  refuse(slice.place, sentence(method.name, " takes ", models_taken(method, method.least, method.most), with_base,
                               ", but there are ", count));
}

MergeTree MergeTrees::source_tree(const MergekitModel& model, const LayerPlace& place) const {
  if (const MergekitConfig* const document = inputs_.file.called(model.text)) return tree(*document, place);
  const auto input = static_cast<size_t>(std::ranges::find(inputs_.models, model) - inputs_.models.begin());
  return {.input = static_cast<uint32_t>(input), .place = place};
}

// One for all models that is given at one of them.
void MergeTrees::refuse_misplaced(const MergekitMethod& method, const MergekitParameter& parameter,
                                  const std::vector<MergekitSource>& sources) const {
  for (const MergekitSource& source : sources) {
    const auto given = std::ranges::find(source.settings, parameter.name, &MergekitSetting::name);
    if (given != source.settings.end())
      refuse(given->place(),
             sentence("'", parameter.name, "' is given at a model, where mergekit does not look for it: ", method.name,
                      " has one for all models; give it under the 'parameters' of all"));
  }
}

MergeTree MergeTrees::tree(const MergekitConfig& document, const LayerPlace& place) const {
  const MergekitModule* const module = module_of(document, place);
  if (!module) return source_tree(document.models().front(), place);  // as the first model has it
  const Choice chosen = choice(document, *module, place);
  const MergekitSlice& slice = *chosen.slice;
  const MergekitMethod& method = mergekit_method(document.method, document.method_place, inputs_.file.where);
  std::vector<MergekitSource> sources = sources_of(document, chosen);
  // As mergekit, which pairs what lies behind the layers with as many of the last slice's models as the first has.
  if (place.side == Side::behind && sources.size() > module->slices.front().sources.size() && !module->of_models)
    sources.resize(module->slices.front().sources.size());
  check_sources(document, method, slice, sources);
  const bool is_based = works_from_base(method, base_of(document, slice), sources);
  if (is_based) {
    const MergekitModel& base = *base_of(document, slice);
    std::stable_partition(sources.begin(), sources.end(),
                          [&](const MergekitSource& source) { return source.model == base; });
  }
  const bool has_layer = place.is_layer() && is_of_run(*module, place.run) && !inputs_.is_flat;
  const double t = !has_layer ? 0 : chosen.layers == 1 ? 1 : chosen.offset / static_cast<double>(chosen.layers - 1);
  const MergekitSettings none;
  MergeTree out{.method = &method, .has_base = is_based, .seed = inputs_.seed, .likeness = inputs_.likeness};
  if (calls_ > kMostCalls) refuse(document.place, sentence("the documents come to more than ", kMostCalls, " calls"));
  ++calls_;
  std::vector<std::vector<std::string>> spelled;  // prefixes, by source
  for (const MergekitSource& source : sources) {
    LayerPlace there = place;
    if (has_layer) there.layer = (source.layers ? source.layers->first : 0) + chosen.offset;
    spelled.push_back(prefixes(there));
    out.operands.push_back(source_tree(source.model, there));
  }
  for (const MergekitParameter& parameter : method.parameters) {
    std::vector<PlaceNumber>& numbers = out.numbers.emplace_back();
    const auto add = [&](const MergekitSettings& own, std::span<const std::string> begins, const YamlValue& at) {
      const std::array<const MergekitSettings*, 4> scopes = {&own, &slice.settings, &module->settings,
                                                             &document.settings};
      numbers.push_back(place_number(parameter, scopes, begins, t));
      if (inputs_.likeness.masks && parameter.is_share_of_draws && works_in_bf16(document.dtype, inputs_.checkpoints))
        for (PlaceNumber::Value& value : numbers.back().values) value.number = drawn_share(value.number);
      if (method.from_zero == parameter.name)
        for (PlaceNumber::Value& value : numbers.back().values) value.number = std::max(value.number, 0.0);
      if (numbers.back().values.empty() && !parameter.is_per_model()) refuse_misplaced(method, parameter, sources);
      if (numbers.back().values.empty())
        refuse(at, sentence("the parameter '", parameter.name, "' of ", method.name, " is missing",
                            parameter.is_per_model() ? " here" : ""));
    };
    if (parameter.scope == MergekitParameter::Scope::shared) add(none, prefixes(place), document.place);
    for (size_t k = 0; k < sources.size() && parameter.is_per_model(); ++k)
      if (k > 0 || !is_based || parameter.scope == MergekitParameter::Scope::input)
        add(sources[k].settings, spelled[k], sources[k].model.place);
  }
  return out;
}

}  // namespace ckmerge
