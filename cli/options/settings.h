// SPDX-License-Identifier: Apache-2.0
// What the options say, each as a value of its type, and what holds where an option is not given. The table of options
// (option_table.h) fills it in; commands know nothing of words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/options/progress_kind.h"
#include "cli/system/notify.h"
#include "core/adapters/making/made_adapter.h"
#include "core/engine/run.h"
#include "core/names/part.h"
#include "core/recipe/recipe.h"

namespace ckmerge::cli {

/// A checkpoint that an option names, and what it is taken for: a VAE to bake in, or a file to compose.
struct Component {
  Part part;
  std::string path;
};

/// An adapter that an option names, and how strong it is.
struct AdapterWord {
  std::string path;
  AdapterUse use;
};

/// Several values of one parameter, each with an output of its own (sweep_option.h).
struct Sweep {
  std::string parameter;  ///< by its own name
  ParameterKind kind = ParameterKind::number;
  std::vector<std::vector<double>> values = {};
};

/// Whose .yaml is copied beside the output (cli/commands/config_file.h).
enum class ConfigSource : uint8_t { automatic, a, b, c, none };

/// What only configurations of mergekit have (mergekit_options.h).
struct MergekitSettings {
  std::optional<std::string> config = {};  ///< the file, of `plan`
  bool copy_tokenizer = true, writes_card = true;
  bool tensor_union = false, tensor_intersection = false;
  std::optional<bool> mergekit_masks = {};  ///< empty: where a seed is given
  bool mergekit_order = false;
  std::optional<uint64_t> random_seed = {};
  std::optional<std::string> cache = {};          ///< in place of the user's cache of models
  std::vector<std::string> without_meaning = {};  ///< a sentence for each option that changes nothing
};

/// What is asked of `ckmerge lora` (lora_options.h).
struct LoraSettings {
  std::optional<uint64_t> rank = {}, conv_rank = {};
  std::optional<double> clamp = {}, energy = {};
  bool concat = false;
  std::optional<AdapterSpelling> spelling = {};
};

struct Settings {
  // What is made.
  Recipe recipe = {};
  const OutputForm* form = nullptr;           ///< null: as the output's name promises
  std::vector<Component> components = {};     ///< in the order of the table
  std::vector<AdapterWord> adapters = {};     ///< in the order in which they were given
  std::optional<std::string> component = {};  ///< of pipelines that are folders, this one alone
  std::vector<std::string> keys = {};         ///< K or B=K (cli/commands/open_inputs.h)
  bool allow_expanded = false;                ///< views of PyTorch files may be larger than the files
  bool from_unsafe = false;                   ///< tensors of a PyTorch file that names something unsafe are taken
  std::optional<double> beta = {}, gamma = {};
  std::optional<std::string> mbw_presets = {};  ///< a file of lists of weights by block
  std::optional<std::string> models = {};       ///< the folder in which `run` looks for inputs
  std::optional<std::string> like = {};         ///< a ready-made set of options (presets.h)
  std::vector<std::string> preset = {};         ///< what it came to, as words
  MergekitSettings mergekit = {};
  LoraSettings lora = {};
  // Where it goes.
  std::optional<std::string> output = {};           ///< a file or a folder
  std::optional<std::string> filename_prefix = {};  ///< ComfyUI's way of naming
  ConfigSource config = ConfigSource::none;
  std::optional<std::string> config_from = {};  ///< a folder of diffusers whose configs are copied into the output's
  std::optional<uint64_t> shard_size = {};      ///< bytes of tensors in a file of an output that is a folder
  bool copy_code = false;                       ///< such a folder gets A's Python files, too
  std::optional<std::string> save_recipe = {};  ///< a file for the merge as a recipe
  std::vector<Sweep> sweeps = {};               ///< not empty: one output for each choice of their values, in a folder
  bool only_plan = false;                       ///< nothing is written
  // How the work is done and told.
  RunOptions run = {};
  std::optional<std::string> hash_cache = {};  ///< a file; its name is empty where none is wanted
  ProgressChoice progress = ProgressChoice::automatic;
  bool json = false, quiet = false, verbose = false;
  bool help = false;
  // The registry and whoever else learns of the output.
  std::optional<std::string> registry = {};
  bool registers = true;  ///< the output is added to the registry
  std::optional<NotifyAddress> notify = {};
  // What other commands than merges do.
  bool all_tensors = false, blocks = false;  ///< of inspect
  bool sum_files = false, forget = false;    ///< of scan
  std::optional<std::string> check = {};     ///< of hash: a list of checksums
  bool markdown = false;                     ///< of methods
};

}  // namespace ckmerge::cli
