// SPDX-License-Identifier: Apache-2.0
#include "cli/recipes/checkpoint_path.h"

#include <filesystem>
#include <optional>
#include <system_error>

#include "cli/system/text.h"
#include "io/folder/hub_cache.h"
#include "io/folder/pipeline_entries.h"
#include "io/memory/memory_tensors.h"
#include "io/text/error.h"
#include "io/text/utf8.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

fs::path whole(const std::string& path) { return fs::absolute(path).lexically_normal(); }

}  // namespace

std::string path_in_recipe(const std::string& path, const RecipePlace& place) {
  if (!is_utf8(path))
    throw Error(ErrorCode::usage, "--save-recipe",
                "--save-recipe: " + visible(path) + " is not UTF-8, as a recipe is; rename the file");
  if (names_memory(path)) return path;
  const fs::path inside = whole(path).lexically_relative(whole(place.file).parent_path());
  if (inside.empty() || *inside.begin() == "..") return whole(path).string();
  const bool would_name_another = inside.string().starts_with('@') || names_memory(inside.string());
  return would_name_another ? "./" + inside.string() : inside.string();
}

std::string checkpoint_in_recipe(const std::string& path, const RecipePlace& place) {
  std::error_code error;
  const std::optional<HubName> name =
      names_memory(path) || !is_utf8(path) ? std::nullopt : name_of_snapshot(whole(path).string(), place.hub_caches);
  // A folder of that name beside the recipe would be taken for it.
  const bool is_free = name && !fs::exists(whole(place.file).parent_path() / name->text(), error);
  return is_free ? name->text() : path_in_recipe(path, place);
}

std::string without_component(const std::string& path, const std::string& component) {
  const fs::path folder = whole(path.substr(0, path.find_last_not_of('/') + 1));
  const bool is_it = folder.filename() == component && holds_pipeline(folder.parent_path().string());
  return is_it ? folder.parent_path().string() : path;
}

}  // namespace ckmerge::cli
