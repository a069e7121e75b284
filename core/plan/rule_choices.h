// SPDX-License-Identifier: Apache-2.0
// Which of a recipe's rules hold for a tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What the rules say of one tensor, and whether that is what was done.
struct RuleChoice {
  bool drop = false, copy = false;
  size_t result = 0;                                         ///< index into MergeGraph::results()
  std::optional<PartDtype> dtype = {};                       ///< empty: nothing is said of it
  std::optional<uint32_t> computed_by = {}, stored_by = {};  ///< indices into Recipe::rules
  bool is_computed = false, is_stored = false;               ///< as they say
};

/// Why a tensor is not what a rule says.
enum class RuleLoss : uint8_t {
  outside,      ///< of --only and --exclude
  replaced,     ///< by a VAE's, or an average
  missing,      ///< in one of the checkpoints
  average,      ///< left out with the others
  unmergeable,  ///< an integer or a buffer
};

class RuleChoices {
 public:
  /// Blocks are those of `first`. Throws Error(usage) for selectors that select nothing and for unknown dtypes.
  RuleChoices(const Recipe& recipe, const Checkpoint& first);

  RuleChoice of(std::string_view name);

  /// Whether they say of `name` that another tensor is computed or stored: of a copy or a dtype, not of a drop.
  bool change(std::string_view name);

  /// What became of the name that was given to of() last, and why if not what `choice` says.
  void note(const RuleChoice& choice, RuleLoss loss);

  /// Throws Error(usage) for a rule of which no name given to of() was, and for one of integers and buffers alone that
  /// says what no such tensor becomes. `checkpoints` are those whose names of() was given.
  void expect_used(std::span<const Checkpoint> checkpoints) const;

  /// For how many names each rule decided, on what is computed or else on the dtype.
  std::vector<uint64_t> decided() const;

  /// A sentence for each rule that decided nothing.
  std::vector<std::string> warnings() const;

 private:
  // What a rule says of what is computed, or of the dtype.
  struct Outcome {
    uint64_t decided = 0;
    unsigned losses = 0;  // a bit for each RuleLoss
  };
  static const char* subject(const RecipeRule& rule, bool computed);
  void warn(size_t rule, bool computed, std::vector<std::string>& warnings) const;
  MergeGraph graph_of(const Checkpoint& first) const;

  const Recipe& recipe_;
  std::vector<std::string> labels_;               // per rule
  std::vector<size_t> results_;                   // per rule
  std::vector<std::optional<PartDtype>> dtypes_;  // per rule
  std::vector<Outcome> computed_, stored_;        // per rule
  MergeGraph graph_;                              // of two numbers: the rule for either question, or -1
  NumbersByName numbers_;
};

}  // namespace ckmerge
