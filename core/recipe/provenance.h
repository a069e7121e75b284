// SPDX-License-Identifier: Apache-2.0
// What a merged file says about itself in __metadata__: the recipe in our own form, enough to run the merge again, and
// in A1111's form, so that its tools read it. No path, time or host: equal merges have equal bytes (invariant I2).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What is known of an input beyond its header. Both empty unless the recipe asks for hashes.
struct InputHash {
  std::string sha256;       ///< 64 hex digits; empty where there is no file
  std::string legacy_hash;  ///< A1111's old model hash, 8 hex digits
};

/// Placeholders for the inputs' sums, as long as these. Each differs from the others, and none can be a sum, so that no
/// ancestor in a file's metadata has its name.
std::vector<InputHash> stand_in_hashes(size_t inputs);

/// What the plan knows and A1111's recipe wants.
struct ResultKind {
  bool inpainting = false;        ///< a tensor was expanded from 4 to 9 channels
  bool instruct_pix2pix = false;  ///< from 4 to 8
  bool averages = false;          ///< those of weights (model_ema.) were merged with the weights
};

/// The field that says that averages in a merged file are those of its weights.
inline constexpr std::string_view kAveragesField = "ckmerge.averages";

/// The file's __metadata__, to be laid out with its tensors. With recipe.hash, `hashes` has one entry per checkpoint;
/// stand-ins of the same length, each different from all others, give a map at least as large as the real ones will.
/// Those of inputs in memory are empty. Throws Error(usage) for a recipe.set_metadata that names a key which is not the
/// user's to set.
Metadata output_metadata(const Recipe& recipe, std::span<const Checkpoint> checkpoints, ResultKind kind,
                         std::span<const InputHash> hashes);

/// What of the inputs' metadata, and of their hashes, cannot be recorded although it should be: a sentence for each.
std::vector<std::string> metadata_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// Makes a map with hashes in it longer by `bytes`, at a place where whoever reads it sees no difference.
void pad_metadata(Metadata& metadata, size_t bytes);

/// The names of the inputs as recorded: recipe.input_names, or the base names of the paths, behind "memory:" where
/// there is no file, bytes that are not UTF-8 replaced by U+FFFD.
std::vector<std::string> recorded_names(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// What a recipe means: 2 since elements in which all inputs hold the same bits are kept (docs/methods.md). A text
/// without a version is of 1, whose results may differ from today's in such elements.
inline constexpr int kRecipeVersion = 2;
/// Of recipes that say what earlier versions could not: a formula, weights by block or name.
inline constexpr int kGraphRecipeVersion = 3;

/// `ckmerge.recipe`: one JSON object. `equated`: of each input, how its names were brought to the first one's; a record
/// for people, which is made anew whenever the recipe is run.
std::string recipe_text(const Recipe& recipe, std::span<const std::string> names, std::span<const InputHash> hashes,
                        std::span<const std::vector<std::string>> equated = {});

/// A recipe read back, with what it says of its inputs.
struct RecordedRecipe {
  int version = 1;                                ///< as it was written
  Recipe recipe;                                  ///< input_names is filled
  std::vector<std::string> sha256;                ///< per input; empty where none was recorded
  std::vector<std::vector<std::string>> equated;  ///< per input: how its names were brought to the first one's
};

/// Reads what recipe_text() wrote, from an untrusted file. Throws Error(malformed) that names what is wrong;
/// unknown members are refused, because a newer ckmerge may mean something by them.
RecordedRecipe parse_recipe(std::string_view json);

}  // namespace ckmerge
