// SPDX-License-Identifier: Apache-2.0
// What the user asked for, names unresolved: plain data that can be printed, compared and written into a file.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/names/part.h"
#include "core/recipe/recipe_rule.h"
#include "core/recipe/slice.h"
#include "core/recipe/vocabulary_request.h"
#include "core/recipe/weight_rule.h"
#include "io/output_forms.h"
#include "io/table/average_rows.h"
#include "io/table/metadata.h"
#include "kernels/dtype.h"
#include "kernels/method.h"

namespace ckmerge {

/// A name of A that any other checkpoint lacks.
enum class MissingPolicy : uint8_t {
  keep,   ///< A's tensor is copied
  zero,   ///< zeros are stored
  drop,   ///< it is left out
  error,  ///< the merge is refused
};

/// A name that A lacks.
enum class ExtraPolicy : uint8_t {
  drop,   ///< it is left out
  add,    ///< it is taken from the first checkpoint that has it
  error,  ///< the merge is refused
};

/// The channels that A has and the others lack (inpainting, instruct-pix2pix).
enum class ExpandPolicy : uint8_t {
  copy,  ///< they stay as A has them
  zero,  ///< the other checkpoints count as zero there
};

/// NaN or Inf in the result where no input has one.
enum class NanPolicy : uint8_t { error, warn };

/// A tensor whose values are all stored as zero, though they were not all zero.
enum class UnderflowPolicy : uint8_t { warn, error };

/// What goes into __metadata__.
enum class MetadataPolicy : uint8_t {
  keep,    ///< the inputs' fields, the first's where they differ, the format and the recipe
  recipe,  ///< the format and the recipe
  none,    ///< the format only
  last,    ///< as keep, but the last's where they differ: A1111's rule
  set,     ///< what Recipe::set_metadata has, and the first's format where it has one
};

/// What the `real` tensors of one part are stored as; empty = as --dtype, or nothing, says of all.
struct PartDtype {
  std::optional<Dtype> dtype = {};  ///< empty = as the first checkpoint stores each of them

  friend bool operator==(const PartDtype&, const PartDtype&) = default;
};

/// The spellings of a policy's values, in the order of the enum. Specialised for each policy.
template <typename Policy>
std::span<const char* const> policy_names();

template <typename Policy>
const char* name(Policy policy) {
  return policy_names<Policy>()[static_cast<size_t>(policy)];
}

/// What is computed, as a text (core/formula/read_formula.h), in place of a method.
struct Formula {
  std::string text = {};
  std::vector<std::string> names = {};  ///< of the checkpoints, in their order
  /// Names for expressions, which may use those before them. Not recorded: a canonical text has them written out.
  std::vector<std::pair<std::string, std::string>> defined = {};

  friend bool operator==(const Formula&, const Formula&) = default;
};

/// A strength of an adapter for some of the tensors.
struct AdapterStrength {
  std::string selector = {};  ///< core/blocks/block_selector.h
  double value = 1;

  friend bool operator==(const AdapterStrength&, const AdapterStrength&) = default;
};

/// An adapter that is added to what is merged.
struct AdapterUse {
  double strength = 1;
  std::vector<AdapterStrength> rules = {};  ///< instead of it; the last that selects a tensor holds

  friend bool operator==(const AdapterUse&, const AdapterUse&) = default;
};

/// What two modules of an adapter that belong to one matrix (tied embeddings) come to.
enum class TiedPolicy : uint8_t {
  error,  ///< the merge is refused
  sum,    ///< both are added, as PEFT does
};

/// How a DoRA is read.
enum class DoraPolicy : uint8_t {
  trained,  ///< as who trained it computes it: PEFT, LyCORIS
  comfy,    ///< as ComfyUI does
};

/// What becomes of results that the output's dtype does not have.
enum class RoundingPolicy : uint8_t {
  nearest,     ///< to the nearest value, of two the even one
  stochastic,  ///< to one of both neighbours, by chance, the nearer the likelier; of dtypes below 32 bits
};

/// The largest seed: numbers of JSON are exact up to it.
inline constexpr uint64_t kMostSeed = (uint64_t{1} << 53) - 1;

/// The method of a recipe whose formula says what is computed.
inline constexpr const char* kFormulaMethod = "formula";

struct Recipe {
  std::string method = "weighted_sum";
  /// Parameters that were given, by name: one number, one per checkpoint, or 1 / 0 for a flag. Others take the method's
  /// default. Of a formula: its numbers that have names.
  std::map<std::string, std::vector<double>> parameters = {};
  /// Instead of them, for some of the tensors; the last that selects a tensor holds (core/recipe/weighted_graph.h).
  std::vector<WeightRule> weights = {};
  std::optional<Formula> formula = {};  ///< `method` is then kFormulaMethod
  /// For some of the tensors; of those that say what is computed the last that fits a tensor holds, of those that say
  /// what it is stored as likewise. Their formulas have the names of `formula`, or else letters.
  std::vector<RecipeRule> rules = {};
  /// Not empty: what the method or formula is given, made of slices of the inputs (core/slices/sliced_inputs.h). There
  /// are not more of them than inputs.
  std::vector<Slices> operands = {};
  /// What `real` tensors are stored as; empty = as the first checkpoint stores each of them.
  std::optional<Dtype> dtype = {};
  std::array<std::optional<PartDtype>, kPartCount> part_dtypes = {};  ///< instead of `dtype`, by Part
  std::vector<std::string> dtype_rules = {};  ///< instead of both, by name (core/recipe/dtype_rules.h); the last holds
  bool half = false;  ///< where nothing else is said, F32 is stored as F16 (A1111's "Save as float16")
  const OutputForm* form = &output_forms().front();  ///< of the output; never null. Not recorded: the file shows it

  std::string wrap =
      {};  ///< of a form with levels: the dict that the tensors lie in; empty = none. Not recorded either

  // Which tensors (core/plan/selection.h): patterns (core/names/name_pattern.h).
  std::vector<std::string> discard = {};  ///< not in the output
  std::vector<std::string> only = {};     ///< not empty: tensors that none of them matches are copied from A
  std::vector<std::string> exclude = {};  ///< tensors that one of them matches are copied from A
  std::vector<std::string> parts = {};    ///< not empty: tensors of these parts only (core/names/part.h)
  bool copy_codes = false;                ///< modules that hold codes (core/inputs/judged_inputs.h) are A's as stored
  bool prune = false;                     ///< without what training left behind (core/names/training_state.h)
  EmaPolicy ema = EmaPolicy::keep;
  bool keep_names = false;  ///< names stay as they were given (OpenOptions)
  MissingPolicy missing = MissingPolicy::keep;
  ExtraPolicy extra = ExtraPolicy::drop;
  ExpandPolicy expand = ExpandPolicy::copy;
  VocabPolicy vocab = VocabPolicy::error;
  std::optional<VocabularyRequest> vocabulary = {};  ///< what is said of tokens, in place of `vocab`
  std::string chat_template = {};  ///< Jinja, a name that mergekit knows, or auto; empty = A's, or its tokenizer's
  std::vector<std::string> first_channels = {};  ///< patterns: A's first channels are the others' there, too
  NanPolicy nan = NanPolicy::error;
  bool merge_buffers =
      false;  ///< marks, schedules and other buffers (core/names/model_buffers.h) are merged as weights
  bool mend =
      false;  ///< position_ids are written anew, and what is wrong with a file and can be put right is (OpenOptions)
  UnderflowPolicy underflow = UnderflowPolicy::warn;
  RoundingPolicy rounding = RoundingPolicy::nearest;
  std::optional<uint64_t> seed = {};  ///< of stochastic rounding, below 2^53; a plan has it where it rounds so

  // What the checkpoints are (core/inputs/component_names.h), where they are not simply what the method merges.
  bool bake_vae = false;  ///< the last before adapters is a VAE, whose tensors take the place of those of the result
  /// The last checkpoints: adapters, each as what it changes (core/adapters/adapter_inputs.h). Those that the formula
  /// has names for come first, the others are added to every result.
  std::vector<AdapterUse> adapters = {};
  bool allow_unmatched = false;  ///< modules of adapters that belong to nothing in the first checkpoint are left out
  TiedPolicy tied = TiedPolicy::error;
  DoraPolicy dora = DoraPolicy::trained;
  /// Not empty: they are put together, not merged; what each of them is: unet, te or vae.
  std::vector<std::string> roles = {};
  /// With roles the pipeline: sd1, sd2, sdxl, ...; empty = as the unet's names have it. Else comfy, diffusers or
  /// original: to what the names of all checkpoints are brought (core/inputs/asked_layout.h); empty = they stay.
  std::string layout = {};

  // What the file says about itself (core/recipe/provenance.h).
  MetadataPolicy metadata = MetadataPolicy::keep;
  Metadata set_metadata = {};                 ///< added to the fields that are kept
  bool hash = false;                          ///< the inputs' SHA-256 sums are recorded
  std::vector<std::string> input_names = {};  ///< as recorded; empty = the base names of the paths

  // Other names for the inputs' tensors (core/inputs/renames.h), each for all inputs or, as `B:...`, for one.
  std::vector<std::string> strip_prefix = {}, rename = {}, add_prefix = {};

  /// Where in each input's pickle the tensors are (OpenOptions::key), where that was said; empty = looked for in all.
  std::vector<std::string> input_keys = {};

  friend bool operator==(const Recipe&, const Recipe&) = default;
};

/// "f16", "fp16", "half", "float16", "F16", ...: the dtype a person means. Throws Error(usage) that lists the names.
/// "keep" is the caller's business.
Dtype parse_dtype(std::string_view text);

/// The dtype in which `recipe` stores a `real` tensor of `part`, or of none, whose dtype is `from`.
Dtype stored_dtype(const Recipe& recipe, std::optional<Part> part, Dtype from);

/// Whether the file says how it was made, as its MetadataPolicy has it.
bool writes_recipe(const Recipe& recipe);

/// How many of `inputs` checkpoints, from the first, the method of `recipe` merges; where it has operands these, which
/// take the first checkpoints' places.
size_t merged_inputs(const Recipe& recipe, size_t inputs);

/// The same of the checkpoints as they were given: how many of them tensors are merged of.
size_t given_inputs(const Recipe& recipe, size_t inputs);

/// Index of the first adapter among `inputs` checkpoints, and of the VAE that is baked in, where there is one.
inline size_t first_adapter(const Recipe& recipe, size_t inputs) {
  return inputs - std::min(recipe.adapters.size(), inputs);
}
inline size_t vae_input(const Recipe& recipe, size_t inputs) { return first_adapter(recipe, inputs) - 1; }

/// How the formula of `recipe` calls checkpoint `k` of `inputs`; empty where it does not.
std::string formula_name(const Recipe& recipe, size_t k, size_t inputs);

/// The coefficients of `recipe` for `inputs` checkpoints, in f64, defaults filled in. Throws Error(usage): unknown
/// method or parameter, wrong number of checkpoints or weights, a number that is not finite.
std::vector<double> resolve_coefficients(const Recipe& recipe, size_t inputs);

}  // namespace ckmerge
