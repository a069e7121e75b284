// SPDX-License-Identifier: Apache-2.0
// How a recipe file that is written names checkpoints and folders, so that whoever runs it finds the same ones.
#pragma once

#include <span>
#include <string>

namespace ckmerge::cli {

struct RecipePlace {
  std::string file;                              ///< the recipe's
  std::span<const std::string> hub_caches = {};  ///< where a model that is called as the hub calls it is looked for
};

/// `path` as the recipe names it: below the recipe's folder as seen from there, so that both can be moved together; a
/// checkpoint in memory by its name; else whole. Throws Error(usage) for what is not UTF-8, as a recipe is.
std::string path_in_recipe(const std::string& path, const RecipePlace& place);

/// Likewise of a checkpoint. A snapshot in a cache of Hugging Face is the model's name and commit, which another
/// machine may have, too.
std::string checkpoint_in_recipe(const std::string& path, const RecipePlace& place);

/// Of the folder of the component `component` of a pipeline, the pipeline's; of any other path, that path.
std::string without_component(const std::string& path, const std::string& component);

}  // namespace ckmerge::cli
