// SPDX-License-Identifier: Apache-2.0
// What a merge method says about itself. One file in kernels/methods/ holds a method's spec (data: argument checks, the
// command line, `ckmerge methods` and docs/methods.md are made from it) and its formula. The registry is generated from
// the files in that folder, so adding a method touches no list.
#pragma once

#include <array>
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/formula.h"
#include "kernels/lines.h"
#include "kernels/made_operand.h"

namespace ckmerge {

enum class ParameterKind : uint8_t {
  number,   ///< one finite number
  numbers,  ///< one finite number per checkpoint
  flag,     ///< on or off (--name, --no-name)
};

/// Beyond these a number is taken, and a warning says that the result lies far outside of what the checkpoints span.
struct UsualRange {
  double least = -DBL_MAX, most = DBL_MAX;
};
inline constexpr UsualRange kShare{-1, 2};  ///< of a checkpoint or a difference, of which 0 to 1 is all

struct ParameterSpec {
  const char* name;  ///< as in --param NAME=VALUE and in recipes
  ParameterKind kind;
  double default_value;          ///< number: the default; flag: 1 or 0; numbers: unused
  const char* default_text;      ///< as shown to people ("0.5", "1/N each", "on")
  const char* meaning;           ///< one phrase
  const char* option = nullptr;  ///< the command line's option, without dashes; null = called like the parameter
  UsualRange usual = {};         ///< of number; of numbers: of the coefficients that they come to
  uint32_t first_used = 0;       ///< of numbers: the first checkpoint whose number counts

  const char* option_name() const { return option ? option : name; }
  /// Whether people call it so: by its own name or the option's.
  bool is_called(std::string_view text) const { return text == name || text == option_name(); }
};

inline constexpr size_t kMaxParameters = 10;
inline constexpr size_t kMaxAliases = 4;

struct MethodSpec {
  const char* name;
  const char* summary;  ///< one phrase
  const char* formula;  ///< as text, checkpoints called A, B, C, ...
  uint32_t min_inputs;
  uint32_t max_inputs;                             ///< 0 = any number
  const char* source;                              ///< where the definition comes from
  std::array<const char*, kMaxAliases> aliases{};  ///< what other programs call it; null from the last on
  const char* note = nullptr;  ///< what is to be known beside, where it differs from others: sentences
  std::array<ParameterSpec, kMaxParameters> parameters{};
  size_t parameter_count = 0;
  bool of_whole_tensors = false;  ///< each tensor is made as a whole, in memory (core/matrices)

  std::span<const ParameterSpec> parameter_list() const { return std::span(parameters).first(parameter_count); }
};

/// Parameter values of one merge, already checked against the spec (kinds, counts, finiteness), defaults filled in.
struct Arguments {
  struct Value {
    double number = 0;                     ///< number or flag
    std::span<const double> numbers = {};  ///< numbers; empty = not given
  };
  std::array<Value, kMaxParameters> values;  ///< in the order of spec.parameters
  size_t inputs = 0;                         ///< number of checkpoints
};

/// What a reduction makes of the values that it goes over.
enum class Reduce : uint8_t {
  sum,      ///< of the values, or of their products with a second one
  maximum,  ///< the largest magnitude; NaN where a value is
  count,    ///< how many are not 0
  cut,      ///< the smallest of the magnitudes that Cut keeps, and the index before which those of that magnitude lie
};

/// Of a tensor the elements of the largest magnitudes stay, of equal ones those of the lowest indices. NaN is the
/// largest of all. Tracing::stays() chooses by the two numbers that are found.
struct Cut {
  std::array<double, 2> shares = {};  ///< what `kept` makes of them is its own
  /// How many elements stay of `count`; more than there are is all.
  uint64_t (*kept)(const std::array<double, 2>& shares, uint64_t count) = nullptr;
  bool of_nonzero = false;   ///< `count` is of the elements that are not 0, and no more than that stay
  bool keeps_equal = false;  ///< all of the smallest magnitude that stays do, however many these are

  friend bool operator==(const Cut&, const Cut&) = default;
};

/// A number about a tensor that a method needs before it can compute an element of it.
struct Reduced {
  /// What is reduced, a formula of the method's inputs; computed as the merge is, in f32 or f64.
  Symbol value;
  /// Of a sum: products with this are added up, each product and each sum in f64. Empty: the values themselves.
  std::optional<Symbol> factor = {};
  Reduce how = Reduce::sum;
  /// Reductions of round n may hang on coefficients (Tracing::c()) that tensor_coefficients() made of the round before.
  uint8_t round = 0;
  Cut cut = {};  ///< of a cut
  /// Of rows and columns sums and maxima alone, and all of a method over the same.
  Over over = Over::tensor;
};

/// What a round of reductions found of one tensor.
struct TensorStatistics {
  std::span<const double> numbers;  ///< of the round's reductions, in their order: of a cut two, of others one
  uint64_t count = 0;               ///< of the elements that were reduced
  uint8_t round = 0;
};

/// What a round of reductions found of one row or column.
struct LineStatistics {
  std::span<const double> numbers;  ///< of the round's reductions over lines, in their order
  std::span<const double> tensor;   ///< the tensor's coefficients, after the round before
  uint64_t count = 0;               ///< of the line's elements
  uint8_t round = 0;
};

/// A range that a method wants to know of the whole model: of a number of the lines of all tensors that it merges, NaN
/// left out, those that remain without a share of the smallest, and then of the largest.
struct ModelRange {
  size_t line = 0;    ///< which number
  uint8_t round = 0;  ///< after which it is made; later rounds, and all tiles, wait until those of all tensors are
  double low = 0, high = 1;
};

/// What came of it.
struct ModelStatistics {
  double least = 0, most = 0;  ///< NaN where there are no numbers
};

/// A method as the planner uses it.
struct Method {
  const MethodSpec* spec;
  /// Null for methods that work element by element. Otherwise all of the formula's coefficients are those of the
  /// tensor, and these are the reductions of which they are made; how many there are, and how, hangs on the number of
  /// inputs and on the recipe's coefficients (Tracing::given()) alone.
  std::vector<Reduced> (*reductions)(const Tracing& in);
  /// With reductions: whether these coefficients need them. Where they do not (the end of a path, say), the formula
  /// runs with the coefficients as they are.
  bool (*needs_statistics)(std::span<const double> coefficients);
  /// With reductions over the whole tensor: its coefficients, in f64, after each round that has such, from those of the
  /// recipe and what the round found. `out` begins as those of the recipe, and is what the round before left. Only + -
  /// * /, sqrt and kernels/math.h, so that the bits are the same everywhere.
  void (*tensor_coefficients)(std::span<const double> coefficients, const TensorStatistics& found,
                              std::span<double> out);
  /// How many coefficients the formula uses for this many inputs.
  size_t (*coefficient_count)(size_t inputs);
  /// Fills the coefficients, in f64. Returns null, or one clause that says what is wrong with the arguments.
  const char* (*coefficients)(const Arguments& arguments, std::span<double> out);
  /// What it wants beside its inputs (Tracing::made()), which hangs on these alone; null: nothing ever.
  std::vector<MadeOperand> (*made)(size_t inputs, std::span<const double> coefficients);
  /// The formula, traced into symbols; null where whole tensors are made, of which there is none.
  Symbol (*trace)(const Tracing& in);
  /// With reductions over rows or columns: how many numbers a line has, and, as tensor_coefficients(), what they are
  /// after each round that has such reductions. `out` begins as zeros. Tracing::line() gives them to the formula and to
  /// reductions of later rounds. Called from many threads, and for each line: it must take no memory where lines are
  /// short.
  size_t (*line_coefficient_count)(std::span<const double> coefficients) = nullptr;
  void (*line_coefficients)(std::span<const double> coefficients, const LineStatistics& found,
                            std::span<double> out) = nullptr;
  /// With numbers of lines: the range of one of them that is wanted of the model, and what of it becomes coefficients
  /// of each tensor, after those that tensor_coefficients() made of the same round.
  ModelRange (*model_range)(std::span<const double> coefficients) = nullptr;
  void (*model_coefficients)(std::span<const double> coefficients, const ModelStatistics& found,
                             std::span<double> out) = nullptr;
};

/// Every method, sorted by name.
std::span<const Method> methods();

/// The method called `name`, by its own name or an alias, or null. Case does not count, and blanks and hyphens are
/// underscores: "Weighted sum" is weighted_sum.
const Method* find_method(std::string_view name);

}  // namespace ckmerge
