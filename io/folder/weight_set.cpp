// SPDX-License-Identifier: Apache-2.0
// As from_pretrained of transformers 5.24, diffusers 0.42 and huggingface_hub 2.4 look for them.
#include "io/folder/weight_set.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/folder/folder_config.h"
#include "io/folder/path_status.h"
#include "io/folder/weight_candidates.h"
#include "io/folder/weight_names.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;
using std::string_view;

constexpr string_view kDiffusersStem = "diffusion_pytorch_model";

[[noreturn]] void refuse(ErrorCode code, const std::string& path, const std::string& what) {
  throw Error(code, path, sentence(path, ": ", what));
}

std::string path_in(const std::string& folder, const std::string& name) { return (fs::path(folder) / name).string(); }

// All but folders, also what only a link without an end is called.
std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code unknown;
    std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && !entry->is_directory(unknown)) names.push_back(std::move(name));
  }
  if (error) refuse(ErrorCode::io, folder, sentence("cannot be read: ", error.message()));
  std::ranges::sort(names);
  return names;
}

class Choice {
 public:
  Choice(const std::string& folder, FolderKind kind, string_view variant = "")
      : folder_(folder), kind_(kind), names_(files_in(folder)), candidates_(weight_candidates(names_, kind, variant)) {
    if (kind == FolderKind::transformers) put_named_first();
  }

  FolderWeights choose() {
    FolderWeights weights;
    if (candidates_.empty()) {
      leave_adapters(weights);
      return weights;
    }
    expect_one_meant();
    weights.taken = completed(candidates_.front());
    for (const WeightCandidate& candidate : std::span(candidates_).subspan(1)) leave(candidate, weights);
    leave_adapters(weights);
    return weights;
  }

  // By the index that lists it, else by its number.
  WeightSet set_with(const std::string& file) const {
    const std::optional<WeightName> name = weight_name(file);
    if (!name || (name->of == 0 && !name->is_index)) return {};
    const WeightSet wanted{.stem = std::string(name->stem),
                           .variant = std::string(name->variant),
                           .extension = std::string(name->extension)};
    for (const WeightCandidate& candidate : candidates_) {
      if (!is_same_set(candidate.set, wanted) || candidate.form != SetForm::index) continue;
      WeightSet set = completed(candidate);
      if (name->is_index || std::ranges::binary_search(set.files, file)) return set;
    }
    for (const WeightCandidate& candidate : candidates_)
      if (is_same_set(candidate.set, wanted) && candidate.form == SetForm::shards && candidate.of == name->of &&
          candidate.of > 1 && candidate.set.files.size() == candidate.of)
        return completed(candidate);
    return {};
  }

 private:
  void put_named_first() {
    const std::optional<FolderConfig> config = folder_config(folder_);
    if (!config || config->weights.empty()) return;
    named_ = config->weights;
    const auto is_named = [&](const WeightCandidate& candidate) {
      return candidate.form != SetForm::shards && label_of(candidate.set) == named_;
    };
    const auto found = std::ranges::find_if(candidates_, is_named);
    if (found == candidates_.end())
      refuse(ErrorCode::io, path_in(folder_, "config.json"),
             sentence("names ", named_,
                      " as its weights (transformers_weights), and no such file of weights lies "
                      "beside it; download it, or remove the entry"));
    std::rotate(candidates_.begin(), found, found + 1);
  }

  void expect_there(const std::string& file, const std::string& why) const {
    const std::string path = path_in(folder_, file);
    if (path_status(path) != PathStatus::nothing) return;
    std::error_code error;
    if (fs::is_symlink(path, error))
      refuse(ErrorCode::io, path,
             "is a link to a file that is not there; complete the download, or give a whole copy of the folder");
    refuse(ErrorCode::io, path, sentence("is not there", why, "; complete the download"));
  }

  WeightSet completed(const WeightCandidate& candidate) const {
    WeightSet set = candidate.set;
    if (candidate.form == SetForm::index) {
      set.listed = std::make_shared<WeightIndex>(read_weight_index(path_in(folder_, set.index)));
      set.files = set.listed->files();
      for (const std::string& file : set.files)
        expect_there(file, sentence(", which ", set.index, " lists as one of ", counted(set.files.size(), "shard")));
    }
    if (candidate.form == SetForm::shards && set.files.size() != candidate.of) refuse_incomplete(candidate);
    for (const std::string& file : set.files) expect_there(file, "");
    return set;
  }

  [[noreturn]] void refuse_incomplete(const WeightCandidate& candidate) const {
    std::vector<std::string> missing;
    for (uint64_t number = 1; number <= candidate.of && missing.size() < kNamed; ++number)
      if (std::ranges::none_of(candidate.set.files,
                               [&](const std::string& file) { return weight_name(file)->number == number; }))
        missing.push_back(std::to_string(number));
    std::string numbers;
    for (const std::string& number : missing) numbers += (numbers.empty() ? "" : ", ") + number;
    const uint64_t count = candidate.of - candidate.set.files.size();
    refuse(ErrorCode::io, folder_,
           sentence("lacks shard", count > 1 ? "s " : " ", numbers, count > missing.size() ? ", ..." : "", " of the ",
                    candidate.of, " that ", candidate.set.files[0], " is one of; complete the download"));
  }

  // Loaders differ, or none would look for such files.
  void expect_one_meant() const {
    if (!named_.empty()) return;
    const WeightCandidate& first = candidates_.front();
    const auto differs = [&](const WeightCandidate& other) {
      return is_same_set(other.set, first.set) && other.form == SetForm::file;
    };
    const auto rest = std::span(candidates_).subspan(1);
    const auto file = std::ranges::find_if(rest, differs);
    if (kind_ == FolderKind::plain && first.form == SetForm::index && file != rest.end())
      refuse(ErrorCode::mismatch, folder_,
             sentence("holds ", file->set.files[0], ", which transformers would read, and ", first.set.index,
                      ", whose shards diffusers and huggingface_hub would read, and no config.json tells whose it is; "
                      "give the one that is meant by its name"));
    const auto is_other = [&](const WeightCandidate& other) {
      return !is_known_stem(other.set.stem) && other.set.stem != first.set.stem;
    };
    if (is_known_stem(first.set.stem) || is_mistrals(first.set)) return;
    if (const auto other = std::ranges::find_if(rest, is_other); other != rest.end())
      refuse(ErrorCode::mismatch, folder_,
             sentence("holds ", first.text(), " and ", other->text(),
                      ", and no loader takes them together; give the file that is meant"));
  }

  std::string why_not(const WeightCandidate& candidate, const WeightSet& taken) const {
    if (!named_.empty()) return sentence("config.json names ", named_, " (transformers_weights)");
    if (is_same_set(candidate.set, taken) && candidate.form != SetForm::shards)
      return sentence("of both, ", kind_ == FolderKind::transformers ? "transformers" : "diffusers", " reads ",
                      label_of(taken));
    if (is_mistrals(candidate.set))
      return sentence("it holds the same under Mistral's names; ", label_of(taken), " lies beside it");
    return sentence(label_of(taken), " lies beside it");
  }

  void leave(const WeightCandidate& candidate, FolderWeights& weights) const {
    const WeightSet& taken = weights.taken;
    WeightCandidate rest = candidate;
    std::erase_if(rest.set.files,
                  [&](const std::string& file) { return std::ranges::find(taken.files, file) != taken.files.end(); });
    const bool is_index = rest.form == SetForm::index;
    if (!is_index && rest.set.files.empty()) return;
    if (is_index) weights.left.push_back(rest.set.index);
    weights.left.insert(weights.left.end(), rest.set.files.begin(), rest.set.files.end());
    // The shards of an index that is not taken are told with it.
    const auto has_index = [&](const WeightCandidate& other) {
      return other.form == SetForm::index && other.set.index != taken.index && is_same_set(other.set, candidate.set);
    };
    if (rest.form == SetForm::shards && std::ranges::any_of(candidates_, has_index)) return;
    const bool several = is_index || rest.set.files.size() > 1;
    weights.notes.push_back(sentence(rest.text(), several ? " are" : " is", " not taken: ", why_not(rest, taken)));
  }

  void leave_adapters(FolderWeights& weights) const {
    for (const std::string& name : names_) {
      if (!is_adapter_name(name)) continue;
      weights.left.push_back(name);
      weights.notes.push_back(sentence(name,
                                       " is not taken: an adapter, which transformers puts on the weights as it reads "
                                       "them; merge it into them before (merge_and_unload of peft)"));
    }
  }

  static constexpr size_t kNamed = 5;  // missing shards in a sentence

  std::string folder_;
  FolderKind kind_;
  std::vector<std::string> names_;
  std::vector<WeightCandidate> candidates_;  // the first is what is taken
  std::string named_;                        // what config.json names as the weights
};

}  // namespace

FolderKind kind_of_folder(const std::string& folder) {
  if (const std::optional<FolderConfig> config = folder_config(folder))
    return config->of_diffusers ? FolderKind::diffusers : FolderKind::transformers;
  const std::vector<std::string> names = files_in(folder);
  const auto is_diffusers = [](const std::string& name) { return name.starts_with(kDiffusersStem); };
  return std::ranges::any_of(names, is_diffusers) ? FolderKind::diffusers : FolderKind::plain;
}

FolderWeights folder_weights(const std::string& folder, FolderKind kind, const std::string& variant) {
  return Choice(folder, kind, variant).choose();
}

WeightSet adapter_in(const std::string& folder) {
  const std::vector<std::string> names = files_in(folder);
  for (const string_view extension : {".safetensors", ".bin"})  // in PEFT's order
    if (std::string name = std::string(kAdapterStem).append(extension); std::ranges::binary_search(names, name))
      return {.stem = std::string(kAdapterStem), .extension = std::string(extension), .files = {std::move(name)}};
  return {};
}

std::vector<std::string> variants_in(const std::string& folder) {
  std::vector<std::string> variants;
  for (const std::string& file : files_in(folder))
    if (const std::optional<WeightName> name = weight_name(file); name && is_known_stem(name->stem))
      variants.emplace_back(name->variant);
  std::ranges::sort(variants);
  variants.erase(std::unique(variants.begin(), variants.end()), variants.end());
  return variants;
}

WeightSet set_of(const std::string& folder, const std::string& file) {
  return Choice(folder, kind_of_folder(folder)).set_with(file);
}

}  // namespace ckmerge
