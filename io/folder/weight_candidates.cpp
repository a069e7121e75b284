// SPDX-License-Identifier: Apache-2.0
// As from_pretrained of transformers 5.24, diffusers 0.42 and huggingface_hub 2.4 look for them.
#include "io/folder/weight_candidates.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "io/folder/weight_names.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

constexpr string_view kDiffusersStem = "diffusion_pytorch_model", kMistralStem = "consolidated";

std::vector<WeightCandidate> candidates_among(std::span<const std::string> names) {
  std::vector<WeightCandidate> found;
  for (const std::string& file : names) {
    const std::optional<WeightName> name = weight_name(file);
    if (!name || is_adapter_name(file)) continue;
    // What else is pickled is an optimizer's state, arguments of training, a tokenizer.
    if (!is_known_stem(name->stem) && name->extension != ".safetensors") continue;
    WeightCandidate candidate{.set = {.stem = std::string(name->stem),
                                      .variant = std::string(name->variant),
                                      .extension = std::string(name->extension)},
                              .form = name->is_index ? SetForm::index
                                      : name->of > 0 ? SetForm::shards
                                                     : SetForm::file,
                              .of = name->of};
    const auto same = [&](const WeightCandidate& other) {
      return is_same_set(other.set, candidate.set) && other.form == SetForm::shards && other.of == candidate.of;
    };
    if (const auto one = std::ranges::find_if(found, same); candidate.form == SetForm::shards && one != found.end()) {
      one->set.files.push_back(file);
      continue;
    }
    (name->is_index ? candidate.set.index : candidate.set.files.emplace_back()) = file;
    found.push_back(std::move(candidate));
  }
  return found;
}

// The least is what a loader of that kind takes.
auto rank_of(const WeightCandidate& candidate, FolderKind kind, string_view variant) {
  const bool by_diffusers = kind == FolderKind::diffusers;
  const auto stems = by_diffusers ? std::to_array<string_view>({kDiffusersStem, "model", "pytorch_model"})
                                  : std::to_array<string_view>({"model", "pytorch_model", kDiffusersStem});
  const auto stem = std::ranges::find(stems, candidate.set.stem);
  const bool is_known = stem != stems.end();
  constexpr std::array<int, 3> kFileFirst{0, 1, 2}, kIndexFirst{1, 0, 2};
  const auto& forms = kind == FolderKind::transformers ? kFileFirst : kIndexFirst;
  return std::tuple(is_known                             ? 0
                    : candidate.set.stem == kMistralStem ? 1
                                                         : 2,
                    candidate.set.extension != ".safetensors", candidate.set.variant != variant,
                    !candidate.set.variant.empty(), stem - stems.begin(), forms.at(static_cast<size_t>(candidate.form)),
                    candidate.set.variant.size(), candidate.set.variant, candidate.set.stem, candidate.of);
}

}  // namespace

bool is_same_set(const WeightSet& a, const WeightSet& b) {
  return a.stem == b.stem && a.variant == b.variant && a.extension == b.extension;
}

bool is_mistrals(const WeightSet& set) { return set.stem == kMistralStem; }

const std::string& label_of(const WeightSet& set) { return set.index.empty() ? set.files.front() : set.index; }

std::string WeightCandidate::text() const {
  if (form == SetForm::index) return set.index + " with its shards";
  const size_t more = set.files.size() - 1;
  return more == 0 ? set.files[0] : sentence(set.files[0], " and ", counted(more, "further shard"));
}

std::vector<WeightCandidate> weight_candidates(std::span<const std::string> names, FolderKind kind,
                                               std::string_view variant) {
  std::vector<WeightCandidate> candidates = candidates_among(names);
  std::ranges::stable_sort(candidates, {},
                           [&](const WeightCandidate& candidate) { return rank_of(candidate, kind, variant); });
  return candidates;
}

}  // namespace ckmerge
