// SPDX-License-Identifier: Apache-2.0
// What a merge computes, as a graph of typed terms. Equal terms are one term, so that what occurs twice is computed
// once. Numbers may depend on the tensor's name. A method of a recipe is a graph of one node over the checkpoints in
// order.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/blocks/block_map.h"
#include "core/names/name_pattern_set.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

enum class TermType : uint8_t {
  checkpoint,  ///< weights of a model
  delta,       ///< a difference of weights
  number,
};
const char* name(TermType type);

/// A number for every tensor.
struct NumberByName {
  struct Rule {
    std::string pattern;  ///< core/names/name_pattern.h
    double value = 0;
    std::vector<BlockId> blocks = {};  ///< sorted, of MergeGraph::blocks(); empty: in any
    bool unless = false;               ///< of names that the pattern does not fit
    uint32_t origin = kNoOrigin;       ///< index into MergeGraph::origins()
    bool optional = false;             ///< it need not match anything

    static constexpr uint32_t kNoOrigin = UINT32_MAX;

    friend auto operator<=>(const Rule&, const Rule&) = default;
  };
  double value = 0;              ///< where no rule matches the name
  std::vector<Rule> rules = {};  ///< the last that matches holds
  std::string name = {};         ///< what people call it; numbers of different names are different terms

  friend auto operator<=>(const NumberByName&, const NumberByName&) = default;
};

/// Index of a term in its graph.
using TermId = uint32_t;

/// One node. Terms that it refers to stand before it.
struct Term {
  enum class Kind : uint8_t {
    input,    ///< a checkpoint as it was given
    adapter,  ///< what one of the recipe's adapters changes; a delta
    number,   ///< a number
    /// numbers with + - * or / between them, computed in f64 for every tensor by itself
    arithmetic,
    method,  ///< a method of kernels/methods over checkpoints or deltas
    sum,     ///< of products of numbers and terms, added from the left
  };
  Kind kind = Kind::input;
  TermType type = TermType::checkpoint;
  uint32_t input = 0;                 ///< input: index of the checkpoint; adapter: into Recipe::adapters
  NumberByName number = {};           ///< number; arithmetic: what it comes to without rules
  char sign = 0;                      ///< arithmetic: between its two operands
  std::string method = {};            ///< method: its name
  std::vector<TermId> operands = {};  ///< method, sum, arithmetic
  std::vector<TermId> factors = {};   ///< sum: a number for each operand
  std::map<std::string, std::vector<TermId>> parameters = {};  ///< method: numbers, those that were given

  friend auto operator<=>(const Term&, const Term&) = default;
};

class MergeGraph {
 public:
  TermId input(uint32_t index);
  TermId adapter(uint32_t index);
  TermId number(NumberByName number);
  TermId number(double value) { return number(NumberByName{.value = value}); }
  /// Of two numbers. Throws Error(usage) where they come to nothing finite while no rule matches.
  TermId arithmetic(TermId a, char sign, TermId b);
  /// Throws Error(usage): an unknown method or parameter, another number of inputs or values than it takes, inputs that
  /// are not all of one type.
  TermId method(const std::string& name, std::vector<TermId> operands,
                std::map<std::string, std::vector<TermId>> parameters = {});
  /// Products of numbers and terms. A checkpoint where the numbers of checkpoints add up to one, a delta where they add
  /// up to zero, or there is none. Throws Error(usage) for other sums, and for numbers of checkpoints that depend on
  /// the tensor's name. REQUIRES: a factor for each of at least one operand.
  TermId sum(std::vector<TermId> factors, std::vector<TermId> operands);
  /// The same of a type that the caller knows, of which numbers may depend on the tensor's name. Throws Error(usage)
  /// for factors that are no numbers.
  TermId sum(std::vector<TermId> factors, std::vector<TermId> operands, TermType type);
  /// A checkpoint and a delta, in either order, or two deltas. Throws Error(usage) for two checkpoints.
  TermId add(TermId a, TermId b);
  /// Two of a type, which gives a delta, or a delta from a checkpoint. Throws Error(usage) for a checkpoint from a
  /// delta.
  TermId subtract(TermId a, TermId b);
  /// Throws Error(usage) for a scaled checkpoint.
  TermId scale(TermId number, TermId delta);

  /// All terms; the last one added is not necessarily the result.
  std::span<const Term> terms() const { return terms_; }
  const Term& operator[](TermId id) const { return terms_[id]; }

  /// What is stored; a checkpoint. Throws Error(usage) for a delta or a number.
  void set_result(TermId id);
  TermId result() const { return results_[0]; }
  /// A checkpoint that is stored instead for some of the tensors. Throws as set_result().
  void add_alternative(TermId id);
  /// result() and its alternatives, in the order in which they were added.
  std::span<const TermId> results() const { return results_; }

  /// What the blocks of rules are of, null where none has any, and what rules were made of, as text.
  void set_blocks(std::shared_ptr<const BlockMap> blocks, std::vector<std::string> origins) {
    blocks_ = std::move(blocks);
    origins_ = std::move(origins);
  }
  const BlockMap* blocks() const { return blocks_.get(); }
  const std::vector<std::string>& origins() const { return origins_; }

  /// Adds adapters [first, end) to the result, and to those of its alternatives for which `to_alternative` says so;
  /// and makes kept(): the first checkpoint with all that adapters add to the result.
  void add_adapters(uint32_t first, uint32_t end, const std::vector<bool>& to_alternative);
  /// Of a graph with adapters: index into results() of what a tensor is that only the first checkpoint has.
  size_t kept() const { return results_.size() - 1; }
  /// results() without that.
  std::span<const TermId> wanted() const { return results().first(results_.size() - has_kept_); }

  /// Whether any number depends on the tensor's name.
  bool depends_on_names() const;

 private:
  TermId intern(Term term);
  void expect_checkpoint(TermId id) const;
  void expect_values(const char* sign, std::initializer_list<TermId> operands) const;

  std::vector<Term> terms_;
  std::map<Term, TermId> known_;
  std::vector<TermId> results_ = {0};
  bool has_kept_ = false;
  std::shared_ptr<const BlockMap> blocks_;
  std::vector<std::string> origins_;
};

/// The graph of one node that `recipe`'s method is, over as many of `inputs` checkpoints as it merges
/// (merged_inputs()). Throws Error(usage): unknown method or parameter, wrong number of checkpoints or weights, a
/// number that is not finite.
MergeGraph merge_graph(const Recipe& recipe, size_t inputs);

/// The numbers of `graph` for the tensor `name`, by term; 0 for terms of other types. Patterns are compiled
/// once.
class NumbersByName {
 public:
  /// Throws Error(usage) for a pattern that cannot be understood.
  explicit NumbersByName(const MergeGraph& graph);

  const std::vector<double>& of(std::string_view name);
  /// The same of those terms alone of which `result` is made: other numbers count for nothing, held() included.
  const std::vector<double>& of(std::string_view name, TermId result);

  /// The terms of which a result is made, itself the last: all, the numbers that have rules, and arithmetic.
  struct TermsOf {
    std::vector<TermId> all = {}, named = {}, computed = {};
  };
  const TermsOf& terms_of(TermId result);

  /// Throws Error(usage) for a rule without an origin that matched no name given to of().
  void expect_matched() const;
  /// Origins of which rules there are, and no one matched.
  std::vector<uint32_t> unmatched() const;

  /// For how many names given to of() each of the origins had the last word on a number that counts there.
  const std::vector<uint64_t>& held() const { return held_; }

 private:
  struct Rule {
    TermId term;
    const NumberByName::Rule* given;
    int pattern;  // index into patterns_; -1: none
    bool matched = false;
  };
  void add(const Rule& rule);
  void apply(Rule& rule);
  const std::vector<double>& of(std::string_view name, const TermsOf& terms);
  void compute(std::span<const TermId> computed);
  bool fits(const Rule& rule) const;

  const MergeGraph& graph_;
  std::vector<Rule> rules_;
  TermsOf every_;                                 // term of the graph
  std::unordered_map<TermId, TermsOf> terms_of_;  // results that were asked for
  std::vector<TermId> seen_for_;                  // by term: the last result found to be made of it
  std::optional<NamePatternSet> patterns_;
  std::vector<bool> pattern_fits_;                 // the name at hand
  std::vector<uint32_t> everywhere_;               // rules of any block, whatever the patterns that match
  std::vector<std::vector<uint32_t>> by_pattern_;  // of any block, where this pattern matches
  std::vector<std::vector<uint32_t>> by_block_;    // the others, by block
  bool has_blocks_ = false;                        // whether there are any
  std::vector<uint32_t> candidates_;               // rules that may hold for the name at hand
  std::vector<double> numbers_;
  std::vector<uint32_t> origins_;  // by term: of the rule that holds
  std::vector<uint64_t> held_;
};

/// The coefficients of the method that `term` is, in f64, defaults filled in; `numbers` by term (NumbersByName::of()).
/// Throws Error(usage) where the method refuses its numbers.
std::vector<double> coefficients_of(const Term& term, std::span<const double> numbers);

}  // namespace ckmerge
