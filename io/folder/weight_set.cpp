// SPDX-License-Identifier: Apache-2.0
// As from_pretrained of transformers 5.24, diffusers 0.42 and huggingface_hub 2.4 look for them.
#include "io/folder/weight_set.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "io/file/input_file.h"
#include "io/folder/weight_index.h"
#include "io/folder/weight_names.h"
#include "io/text/error.h"
#include "io/text/json_value.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;
using std::string_view;

constexpr string_view kDiffusersStem = "diffusion_pytorch_model", kMistralStem = "consolidated";

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

enum class Form : uint8_t { file, index, shards };  // shards: without an index

struct Candidate {
  WeightSet set;  // files: those that are there; of an index none yet
  Form form = Form::file;
  uint64_t of = 0;  // of shards: how many there should be
};

bool is_same_set(const WeightSet& a, const WeightSet& b) {
  return a.stem == b.stem && a.variant == b.variant && a.extension == b.extension;
}

std::vector<Candidate> candidates_among(const std::vector<std::string>& names) {
  std::vector<Candidate> found;
  for (const std::string& file : names) {
    const std::optional<WeightName> name = weight_name(file);
    if (!name || is_adapter_name(file)) continue;
    // What else is pickled is an optimizer's state, arguments of training, a tokenizer.
    if (!is_known_stem(name->stem) && name->extension != ".safetensors") continue;
    Candidate candidate{.set = {.stem = std::string(name->stem),
                                .variant = std::string(name->variant),
                                .extension = std::string(name->extension)},
                        .form = name->is_index ? Form::index
                                : name->of > 0 ? Form::shards
                                               : Form::file,
                        .of = name->of};
    const auto same = [&](const Candidate& other) {
      return is_same_set(other.set, candidate.set) && other.form == Form::shards && other.of == candidate.of;
    };
    if (const auto one = std::ranges::find_if(found, same); candidate.form == Form::shards && one != found.end()) {
      one->set.files.push_back(file);
      continue;
    }
    (name->is_index ? candidate.set.index : candidate.set.files.emplace_back()) = file;
    found.push_back(std::move(candidate));
  }
  return found;
}

// The least is what a loader of that kind takes.
auto rank_of(const Candidate& candidate, FolderKind kind, string_view variant) {
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

const std::string& label_of(const WeightSet& set) { return set.index.empty() ? set.files.front() : set.index; }

std::string described(const Candidate& candidate) {
  if (candidate.form == Form::index) return candidate.set.index + " with its shards";
  const size_t more = candidate.set.files.size() - 1;
  return more == 0 ? candidate.set.files[0] : sentence(candidate.set.files[0], " and ", counted(more, "further shard"));
}

class Choice {
 public:
  Choice(const std::string& folder, FolderKind kind, string_view variant = "")
      : folder_(folder), kind_(kind), names_(files_in(folder)), candidates_(candidates_among(names_)) {
    std::ranges::stable_sort(candidates_, {},
                             [&](const Candidate& candidate) { return rank_of(candidate, kind, variant); });
  }

  FolderWeights choose() {
    FolderWeights weights;
    if (candidates_.empty()) {
      leave_adapters(weights);
      return weights;
    }
    expect_one_meant();
    weights.taken = completed(candidates_.front());
    for (const Candidate& candidate : std::span(candidates_).subspan(1)) leave(candidate, weights);
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
    for (const Candidate& candidate : candidates_) {
      if (!is_same_set(candidate.set, wanted) || candidate.form != Form::index) continue;
      WeightSet set = completed(candidate);
      if (name->is_index || std::ranges::find(set.files, file) != set.files.end()) return set;
    }
    for (const Candidate& candidate : candidates_)
      if (is_same_set(candidate.set, wanted) && candidate.form == Form::shards && candidate.of == name->of &&
          candidate.of > 1 && candidate.set.files.size() == candidate.of)
        return completed(candidate);
    return {};
  }

 private:
  void expect_there(const std::string& file, const std::string& why) const {
    const std::string path = path_in(folder_, file);
    std::error_code error;
    if (fs::exists(path, error)) return;
    if (fs::is_symlink(path, error))
      refuse(ErrorCode::io, path,
             "is a link to a file that is not there; complete the download, or give a whole copy of the folder");
    refuse(ErrorCode::io, path, sentence("is not there, ", why, "; complete the download"));
  }

  WeightSet completed(const Candidate& candidate) const {
    WeightSet set = candidate.set;
    if (candidate.form == Form::index) {
      set.files = read_weight_index(path_in(folder_, set.index)).files();
      for (const std::string& file : set.files)
        expect_there(file, sentence("which ", set.index, " lists as one of ", counted(set.files.size(), "shard")));
    }
    if (candidate.form == Form::shards && set.files.size() != candidate.of) refuse_incomplete(candidate);
    for (const std::string& file : set.files) expect_there(file, "");
    return set;
  }

  [[noreturn]] void refuse_incomplete(const Candidate& candidate) const {
    std::vector<std::string> missing;
    for (uint64_t number = 1; number <= candidate.of && missing.size() < kNamed; ++number)
      if (std::ranges::none_of(candidate.set.files,
                               [&](const std::string& file) { return weight_name(file)->number == number; }))
        missing.push_back(std::to_string(number));
    std::string numbers;
    for (const std::string& number : missing) numbers += (numbers.empty() ? "" : ", ") + number;
    refuse(ErrorCode::io, folder_,
           sentence("of the ", candidate.of, " shards that ", candidate.set.files[0], " is one of, ",
                    candidate.of - candidate.set.files.size(), " are not there (", numbers,
                    candidate.of - candidate.set.files.size() > missing.size() ? ", ..." : "",
                    "); complete the download"));
  }

  // Loaders differ, or none would look for such files.
  void expect_one_meant() const {
    const Candidate& first = candidates_.front();
    const auto differs = [&](const Candidate& other) {
      return is_same_set(other.set, first.set) && other.form == Form::file;
    };
    const auto rest = std::span(candidates_).subspan(1);
    const auto file = std::ranges::find_if(rest, differs);
    if (kind_ == FolderKind::plain && first.form == Form::index && file != rest.end())
      refuse(ErrorCode::mismatch, folder_,
             sentence("holds ", file->set.files[0], ", which transformers would read, and ", first.set.index,
                      ", whose shards diffusers and huggingface_hub would read, and no config.json tells whose it is; "
                      "give the one that is meant by its name"));
    const auto is_other = [&](const Candidate& other) {
      return !is_known_stem(other.set.stem) && other.set.stem != first.set.stem;
    };
    if (is_known_stem(first.set.stem) || first.set.stem == kMistralStem) return;
    if (const auto other = std::ranges::find_if(rest, is_other); other != rest.end())
      refuse(ErrorCode::mismatch, folder_,
             sentence("holds ", described(first), " and ", described(*other),
                      ", and no loader takes them together; give the file that is meant"));
  }

  std::string why_not(const Candidate& candidate, const WeightSet& taken) const {
    if (is_same_set(candidate.set, taken) && candidate.form != Form::shards)
      return sentence("of both, ", kind_ == FolderKind::transformers ? "transformers" : "diffusers", " reads ",
                      label_of(taken));
    if (candidate.set.stem == kMistralStem)
      return sentence("it holds the same under Mistral's names; ", label_of(taken), " lies beside it");
    return sentence(label_of(taken), " lies beside it");
  }

  void leave(const Candidate& candidate, FolderWeights& weights) const {
    const WeightSet& taken = weights.taken;
    Candidate rest = candidate;
    if (candidate.form == Form::shards) {
      // The shards of an index are told with it.
      const auto has_index = [&](const Candidate& other) {
        return other.form == Form::index && is_same_set(other.set, candidate.set);
      };
      if (taken.index.empty() || !is_same_set(taken, candidate.set)) {
        weights.left.insert(weights.left.end(), candidate.set.files.begin(), candidate.set.files.end());
        if (std::ranges::any_of(candidates_, has_index)) return;
      } else {
        std::erase_if(rest.set.files, [&](const std::string& file) {
          return std::ranges::find(taken.files, file) != taken.files.end();
        });
        if (rest.set.files.empty()) return;
        weights.left.insert(weights.left.end(), rest.set.files.begin(), rest.set.files.end());
      }
    } else {
      weights.left.push_back(label_of(candidate.set));
    }
    const bool several = rest.form == Form::index || rest.set.files.size() > 1;
    weights.notes.push_back(sentence(described(rest), several ? " are" : " is", " not taken: ", why_not(rest, taken)));
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
  std::vector<Candidate> candidates_;  // the first is what is taken
};

// Of a config.json, whether it is there and whose it is.
FolderKind kind_by_config(const std::string& path) try {
  constexpr uint64_t kMaxSize = uint64_t{16} << 20;  // labels of classes are the most of the largest, some 1 MB
  const InputFile file(path);
  if (file.size() > kMaxSize) return FolderKind::transformers;
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  const JsonValue config = parse_json(text, {.size = kMaxSize, .depth = 64, .values = size_t{1} << 20});
  const bool of_diffusers = std::ranges::find(config.keys, "_class_name") != config.keys.end();
  return of_diffusers ? FolderKind::diffusers : FolderKind::transformers;
} catch (const Error&) {
  return FolderKind::transformers;
}

}  // namespace

FolderKind kind_of_folder(const std::string& folder) {
  const std::string config = path_in(folder, "config.json");
  std::error_code error;
  if (fs::exists(config, error)) return kind_by_config(config);
  const std::vector<std::string> names = files_in(folder);
  const auto is_diffusers = [](const std::string& name) { return name.starts_with(kDiffusersStem); };
  return std::ranges::any_of(names, is_diffusers) ? FolderKind::diffusers : FolderKind::plain;
}

FolderWeights folder_weights(const std::string& folder, FolderKind kind, const std::string& variant) {
  return Choice(folder, kind, variant).choose();
}

std::vector<std::string> variants_in(const std::string& folder) {
  std::vector<std::string> variants;
  for (const std::string& file : files_in(folder))
    if (const std::optional<WeightName> name = weight_name(file); name && is_known_stem(name->stem))
      variants.emplace_back(name->variant);
  std::ranges::sort(variants);
  const auto repeated = std::ranges::unique(variants);
  variants.erase(repeated.begin(), repeated.end());
  return variants;
}

WeightSet set_of(const std::string& folder, const std::string& file) {
  return Choice(folder, kind_of_folder(folder)).set_with(file);
}

}  // namespace ckmerge
