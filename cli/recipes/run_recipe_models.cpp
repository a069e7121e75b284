// SPDX-License-Identifier: Apache-2.0
#include "cli/recipes/run_recipe_models.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>

#include "cli/system/text.h"
#include "io/folder/component_files.h"
#include "io/folder/shard_names.h"
#include "io/folder/weight_names.h"
#include "io/hash/folder_sum.h"
#include "io/hash/hash_cache.h"
#include "io/hash/sha256.h"
#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/utf8.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

// What tells the folder of a pipeline, which is one checkpoint, beside the files of its components.
constexpr std::string_view kPipelineIndex = "model_index.json";

std::vector<std::string> checkpoints_below(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  constexpr auto kSkip = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(folder, kSkip, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unknown;  // a dangling link is no file
    const std::string name = entry->path().filename().string();
    if (is_called_like_a_form(name) && entry->is_regular_file(unknown)) paths.push_back(entry->path().string());
    if (name == kPipelineIndex && entry->is_regular_file(unknown))
      paths.push_back(entry->path().parent_path().string());
  }
  if (error) throw Error(ErrorCode::io, folder, folder + ": cannot be searched: " + error.message());
  std::ranges::sort(paths);
  std::set<std::string> further;  // shards for which the first stands
  for (const std::string& path : paths)
    if (const std::vector<std::string> shards = shards_from(path); !shards.empty())
      further.insert(shards.begin() + 1, shards.end());
  std::erase_if(paths, [&](const std::string& path) { return further.contains(path); });
  return paths;
}

// Files that are called as those of folders are, whose own names say nothing.
bool is_weights_of_folder(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  const std::optional<WeightName> told = weight_name(name);
  return told && is_known_stem(told->stem);
}

// As a recipe would call the checkpoint that has it: by its file, or as a folder.
bool is_called(const std::string& path, const std::string& name) {
  const fs::path file(path);
  return recorded_name(path) == name ||
         (file.has_parent_path() && is_weights_of_folder(path) && file.parent_path().filename() == name);
}

std::string sha256_of_file(const std::string& path, const RunOptions& run) {
  const InputFile file(path);
  if (!run.hash_cache.empty())
    if (std::string known = cached_sha256(run.hash_cache, file.identity()); !known.empty()) return known;
  const auto began = std::chrono::system_clock::now();
  std::string sha256 = hash_file(file, /*drop_cache=*/false, [&](uint64_t) {
    if (run.stop.is_raised()) throw Error(ErrorCode::interrupted, "", "interrupted; nothing was written");
  });
  if (!run.hash_cache.empty()) keep_sha256(run.hash_cache, file.identity(), sha256, began);
  return sha256;
}

std::vector<std::string> shown(const std::vector<std::string>& paths) {
  if (paths.size() <= kListed) return paths;
  std::vector<std::string> out(paths.begin(), paths.begin() + kListed);
  out.push_back("... and " + grouped(paths.size() - kListed) + " more");
  return out;
}

}  // namespace

std::string recorded_name(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  const std::optional<WeightName> told = weight_name(name);
  const bool of_folder = told && told->is_index;
  const fs::path folder = fs::path(path).parent_path();
  const std::string whole = with_folder_name(!of_folder ? path : folder.empty() ? "." : folder.string());
  return valid_utf8(whole.substr(whole.rfind('/') + 1));
}

std::string sha256_of_checkpoint(const std::string& path, const RunOptions& run) {
  std::vector<NamedSum> sums;
  for (const WeightsFile& file : weights_files(path))
    sums.push_back({.name = file.name, .sha256 = sha256_of_file(file.path, run)});
  return folder_sum(sums);
}
ModelsFolder::ModelsFolder(const std::string& folder, const RunOptions& run)
    : folder_(folder), run_(run), paths_(checkpoints_below(folder)) {}

std::vector<std::string> ModelsFolder::called(const std::string& name) const {
  std::vector<std::string> out;
  for (const std::string& path : paths_)
    if (is_called(path, name)) out.push_back(path);
  return out;
}

bool ModelsFolder::has_hash(const std::string& path, const std::string& sha256) {
  if (const auto known = sums_.find(path); known != sums_.end()) return known->second == sha256;
  try {
    sums_[path] = sha256_of_checkpoint(path, run_);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    sums_[path] = "";  // a neighbour that cannot be read is not what is looked for
    unreadable_.emplace_back(error.what());
  }
  return sums_[path] == sha256;
}

bool ModelsFolder::is_known_to_have_hash(const std::string& path, const std::string& sha256) const {
  if (const auto sum = sums_.find(path); sum != sums_.end()) return sum->second == sha256;
  if (run_.hash_cache.empty()) return false;
  try {
    return shards_from(path).empty() && cached_sha256(run_.hash_cache, InputFile(path).identity()) == sha256;
  } catch (const Error&) {
    return false;  // has_hash() says so
  }
}

std::string ModelsFolder::find_by_hash(const std::string& letter, const std::string& name, const std::string& sha256) {
  for (const std::string& path : called(name))
    if (has_hash(path, sha256)) return path;
  for (const std::string& path : paths_)
    if (is_known_to_have_hash(path, sha256)) return path;
  for (const std::string& path : paths_)
    if (has_hash(path, sha256)) return path;
  throw Error(ErrorCode::usage, letter,
              letter + ": nothing below " + folder_ + " (" + counted(paths_.size(), "checkpoint") +
                  ") is the file that was merged, " + name + " with the SHA-256 " + sha256 + "; give it as " + letter +
                  "=PATH",
              shown(unreadable_));
}

std::string ModelsFolder::find_by_name(const std::string& letter, const std::string& name) const {
  const std::vector<std::string> found = called(name);
  if (found.size() == 1) return found[0];
  if (found.empty())
    throw Error(ErrorCode::usage, letter,
                letter + ": nothing below " + folder_ + " (" + counted(paths_.size(), "checkpoint") + ") is called " +
                    name + ", and no hash was recorded to know it by; give it as " + letter + "=PATH");
  throw Error(ErrorCode::usage, letter,
              letter + ": " + counted(found.size(), "checkpoint") + " below " + folder_ + " are called " + name +
                  ", and no hash was recorded to tell them apart; give it as " + letter + "=PATH",
              shown(found));
}

}  // namespace ckmerge::cli
