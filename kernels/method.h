// SPDX-License-Identifier: Apache-2.0
// What a merge method says about itself. One file in kernels/methods/ holds a method's spec (data: argument checks, the
// command line, `ckmerge methods` and docs/methods.md are made from it) and its formula. The registry is generated from
// the files in that folder, so adding a method touches no list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/formula.h"

namespace ckmerge {

enum class ParameterKind : uint8_t {
  number,   ///< one finite number
  numbers,  ///< one finite number per checkpoint
  flag,     ///< on or off (--name, --no-name)
};

struct ParameterSpec {
  const char* name;  ///< as in --param NAME=VALUE and in recipes
  ParameterKind kind;
  double default_value;          ///< number: the default; flag: 1 or 0; numbers: unused
  const char* default_text;      ///< as shown to people ("0.5", "1/N each", "on")
  const char* meaning;           ///< one phrase
  const char* option = nullptr;  ///< the command line's option, without dashes; null = called like the parameter

  const char* option_name() const { return option ? option : name; }
};

inline constexpr size_t kMaxParameters = 8;

struct MethodSpec {
  const char* name;
  const char* summary;  ///< one phrase
  const char* formula;  ///< as text, checkpoints called A, B, C, ...
  uint32_t min_inputs;
  uint32_t max_inputs;  ///< 0 = any number
  const char* source;   ///< where the definition comes from
  std::array<ParameterSpec, kMaxParameters> parameters{};
  size_t parameter_count = 0;
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

/// A number about a whole tensor that a method needs before it can compute an element: the sum over all elements of the
/// products of two operands. a == b is the squared Euclidean norm.
struct StatisticSpec {
  uint32_t a = 0, b = 0;  ///< checkpoints
};

/// A method as the planner uses it.
struct Method {
  const MethodSpec* spec;
  /// Empty for methods that work element by element. Otherwise the formula's coefficients differ from tensor to tensor.
  std::span<const StatisticSpec> statistics;
  /// With statistics: whether these coefficients need them. Where they do not (the end of a path, say), the formula
  /// runs with the coefficients as they are.
  bool (*needs_statistics)(std::span<const double> coefficients);
  /// With statistics: the coefficients of one tensor, in f64, from those of the recipe and the tensor's statistics, in
  /// the order of `statistics`. Only + - * /, sqrt and kernels/math.h, so that the bits are the same everywhere.
  void (*tensor_coefficients)(std::span<const double> coefficients, std::span<const double> statistics,
                              std::span<double> out);
  /// How many coefficients the formula uses for this many inputs.
  size_t (*coefficient_count)(size_t inputs);
  /// Fills the coefficients, in f64. Returns null, or one clause that says what is wrong with the arguments.
  const char* (*coefficients)(const Arguments& arguments, std::span<double> out);
  /// The formula, traced into symbols.
  Symbol (*trace)(const Tracing& in);
};

/// Every method, sorted by name.
std::span<const Method> methods();

/// The method called `name`, or null.
const Method* find_method(std::string_view name);

}  // namespace ckmerge
