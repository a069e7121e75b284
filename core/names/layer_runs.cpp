// SPDX-License-Identifier: Apache-2.0
#include "core/names/layer_runs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

namespace ckmerge {
namespace {

constexpr uint32_t kMostLayers = 1U << 20;

std::optional<uint32_t> layer_number(std::string_view word) {
  if (word.empty() || (word.size() > 1 && word[0] == '0')) return std::nullopt;
  uint32_t number = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (fault != std::errc() || end != word.data() + word.size() || number >= kMostLayers) return std::nullopt;
  return number;
}

// PREFIX and N of PREFIX.N.REST, N being the first number.
std::optional<std::pair<std::string_view, uint32_t>> first_layer_of(std::string_view name) {
  for (size_t dot = name.find('.'); dot != name.npos;) {
    const size_t next = name.find('.', dot + 1);
    if (next == name.npos) return std::nullopt;
    if (const auto number = layer_number(name.substr(dot + 1, next - dot - 1)))
      return std::pair(name.substr(0, dot), *number);
    dot = next;
  }
  return std::nullopt;
}

// Parts of prefixes by which the run of another tower is known: transformers' names of 2026, and those of LLaVA's own.
constexpr std::array<std::string_view, 9> kOtherTowers = {"vision", "visual",    "image",     "vit",      "audio",
                                                          "speech", "projector", "resampler", "connector"};
// What stands behind the layers, by a component of the name.
constexpr std::array<std::string_view, 16> kBehind = {
    "norm", "ln_f",  "norm_f", "final_layernorm", "final_layer_norm", "final_norm", "embedding_norm", "lm_head",
    "head", "heads", "score",  "classifier",      "embed_out",        "output",     "pooler",         "cls"};

bool is_of_other_tower(std::string_view prefix) {
  return std::ranges::any_of(kOtherTowers, [&](std::string_view word) { return prefix.find(word) != prefix.npos; });
}

bool has_component(std::string_view name, std::string_view word) {
  for (size_t at = name.find(word); at != name.npos; at = name.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || name[at - 1] == '.') && (end == name.size() || name[end] == '.')) return true;
  }
  return false;
}

}  // namespace

std::vector<LayerRun> layer_runs(const TensorTable& tensors) {
  struct Counted {
    LayerRun run;
    uint32_t numbers = 0, last = 0;  // numbers that occur; names of one lie together
  };
  std::vector<Counted> all;
  std::map<std::string_view, size_t> known;
  size_t at = 0;  // of the name before
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto place = first_layer_of(tensors.name(i));
    if (!place) continue;
    // Sorted names keep a run's together, so that the map is asked where one ends only.
    if (all.empty() || all[at].run.prefix != place->first) {
      const auto [found, is_new] = known.emplace(place->first, all.size());
      if (is_new) all.push_back({.run = {.prefix = std::string(place->first)}});
      at = found->second;
    }
    Counted& counted = all[at];
    counted.numbers += counted.numbers == 0 || counted.last != place->second;
    counted.last = place->second;
    counted.run.layers = std::max(counted.run.layers, place->second + 1);
    ++counted.run.tensors;
  }
  std::vector<LayerRun> runs;
  for (Counted& counted : all)
    if (counted.numbers == counted.run.layers) runs.push_back(std::move(counted.run));
  return runs;
}

const LayerRun* language_run(const std::vector<LayerRun>& runs) {
  const auto rank = [](const LayerRun& run) {
    return std::tuple(!is_of_other_tower(run.prefix), !has_component(run.prefix, "encoder"), run.tensors);
  };
  const auto best = std::ranges::max_element(runs, {}, rank);
  return best == runs.end() ? nullptr : &*best;
}

std::optional<LayerName> name_in_run(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() <= prefix.size() || name[prefix.size()] != '.') return std::nullopt;
  const std::string_view behind = name.substr(prefix.size() + 1);
  const size_t dot = behind.find('.');
  if (dot == behind.npos) return std::nullopt;
  const auto number = layer_number(behind.substr(0, dot));
  if (!number) return std::nullopt;
  return LayerName{.layer = *number, .rest = behind.substr(dot + 1)};
}

bool comes_behind_layers(std::string_view name) {
  if (is_of_other_tower(name)) return false;
  return std::ranges::any_of(kBehind, [&](std::string_view word) { return has_component(name, word); });
}

}  // namespace ckmerge
