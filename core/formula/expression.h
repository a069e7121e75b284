// SPDX-License-Identifier: Apache-2.0
// A formula as it was written: a tree of expressions. Sums and products are flat, so that the tree is no deeper than
// its parentheses.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/formula/formula_fault.h"

namespace ckmerge {

struct Expression {
  enum class Kind : uint8_t {
    number,
    flag,        ///< true or false, of a parameter
    list,        ///< of numbers, of a parameter
    parameter,   ///< of a method, by its name: its operand is the value
    checkpoint,  ///< by its name
    method,      ///< called with checkpoints or deltas, and parameters
    negation,
    sum,      ///< + and -
    product,  ///< * and /
  };
  Kind kind = Kind::number;
  FormulaPlace at = {};  ///< its name, number or bracket; of a sum or product its first sign
  double number = 0;
  bool flag = false;
  std::string name = {};
  std::vector<Expression> operands = {};
  std::vector<char> signs = {};  ///< of a sum or product: the sign before each operand but the first
  std::vector<FormulaPlace> signs_at = {};
  std::vector<Expression> parameters = {};
};

/// What a formula may be at most: bytes, parentheses in each other, and names and numbers, those of parameters aside,
/// which bound all that is made of it.
inline constexpr size_t kLongestFormula = size_t{1} << 20, kDeepestFormula = 64, kMostOperands = 2000;
/// With the numbers of parameters, which a name for an expression multiplies: some 40 MB.
inline constexpr size_t kMostValues = size_t{1} << 18;

/// An expression that a name stands for.
struct DefinedName {
  std::string name;
  Expression value;
  size_t operands = 0, depth = 0;  ///< of its names and numbers; of its parentheses
  size_t values = 0;               ///< names and numbers with those of parameters
  bool is_used = false;
};

/// Throws Error(usage) with the place (formula_fault.h) for what is no formula. Arithmetic of numbers alone is done
/// already; dividing by zero and what no f64 holds is refused. A name in `defined` is its expression, in parentheses.
/// REQUIRES: `text` outlives the result.
DefinedName parse_formula(const FormulaText& text, std::span<DefinedName> defined);

}  // namespace ckmerge
