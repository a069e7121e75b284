// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/number_faults.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/formula/read_formula.h"
#include "core/formula/sole_call.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Numbers = std::vector<const PlaceNumber*>;

// Of a call, in the order in which its formula takes them.
Numbers numbers_of(const MergeTree& call) {
  Numbers numbers;
  for (const std::vector<PlaceNumber>& of_parameter : call.numbers)
    for (const PlaceNumber& number : of_parameter)
      if (is_number(number)) numbers.push_back(&number);
  return numbers;
}

// One that every method takes beside all others: its default, or 0, which each of small distances is allowed to be.
double harmless(const MergekitMethod& method, const PlaceNumber& number) {
  const auto parameter = std::ranges::find(method.parameters, number.name, &MergekitParameter::name);
  return parameter->is_required || parameter->default_value == 1 ? 1 : 0;
}

// Formulas of one call, of which those that were found to take their numbers are known.
class CallCheck {
 public:
  bool takes(const MergeTree& call, const std::vector<double>& numbers) {
    const std::string text = text_of(call, numbers);
    if (taken_.contains(text)) return true;
    const bool takes = !fault_of(call, numbers);
    if (takes) taken_.insert(text);
    return takes;
  }

  // What the call finds wrong with its numbers, if anything.
  static std::optional<std::string> fault_of(const MergeTree& call, const std::vector<double>& numbers) {
    Formula formula{.text = text_of(call, numbers)};
    for (size_t k = 0; k < call.operands.size(); ++k) formula.names.push_back(place_name(k));
    try {
      static_cast<void>(read_formula(formula));
    } catch (const Error& error) {
      const std::string told = error.what(), place = error.where() + ": ";
      return told.starts_with(place) ? told.substr(place.size()) : told;
    }
    return std::nullopt;
  }

 private:
  static std::string text_of(const MergeTree& call, const std::vector<double>& numbers) {
    std::vector<std::string> texts;
    for (const double number : numbers) texts.push_back(number_text(number));
    return call_of(call, texts);
  }

  std::set<std::string> taken_;
};

// The tensors of a tree for which a number holds, as they are told: that of the name whose rest is given, else all.
std::string tensors_text(const FlatTree& tree, const std::string& rest) {
  const std::string prefix = tree.place.prefix();
  if (!rest.empty()) return valid_utf8(prefix + rest);
  if (prefix.empty()) return "tensors outside of layers";
  return valid_utf8(prefix.substr(0, prefix.size() - 1));
}

// Judges the calls of trees.
class NumberJudge {
 public:
  NumberJudge(const PlaceNames& names, const std::string& where) : names_(names), where_(where) {}

  void judge(const FlatTree& tree, const MergeTree& call) {
    if (!call.method) return;
    for (const MergeTree& operand : call.operands) judge(tree, operand);
    const Numbers numbers = numbers_of(call);
    const auto is_constant = [](const PlaceNumber* number) { return number->is_constant(); };
    if (std::ranges::all_of(numbers, is_constant))
      return judge(tree, call, {.numbers = numbers, .values = std::vector<size_t>(numbers.size())});
    std::set<std::vector<size_t>> seen;
    for (const std::string& rest : names_.rests(tree)) {
      const std::vector<std::string> spellings = names_.filtered(tree, rest);
      Held held{.numbers = numbers, .rest = rest};
      for (const PlaceNumber* const number : numbers) {
        held.values.push_back(number->value_for(spellings));
        if (held.values.back() == number->values.size()) break;  // that it is missing is told elsewhere
      }
      if (held.is_whole() && seen.insert(held.values).second) judge(tree, call, held);
    }
  }

 private:
  // What holds for a tensor: of each number which of its values. Of numbers that all have one the rest is empty.
  struct Held {
    const Numbers& numbers;
    std::vector<size_t> values = {};
    std::string rest = {};

    bool is_whole() const {
      return values.size() == numbers.size() && (values.empty() || values.back() < numbers.back()->values.size());
    }
    double number(size_t k) const { return numbers[k]->values[values[k]].number; }
    const std::optional<PlaceNumber::Given>& given(size_t k) const { return numbers[k]->given[values[k]]; }
  };

  // Those that were given are put in place of harmless ones in turn, until the call is refused.
  void judge(const FlatTree& tree, const MergeTree& call, const Held& held) {
    std::vector<double> tried(held.values.size());
    for (size_t k = 0; k < tried.size(); ++k) tried[k] = held.number(k);
    if (calls_.takes(call, tried)) return;
    for (size_t k = 0; k < tried.size(); ++k)
      if (held.given(k)) tried[k] = harmless(*call.method, *held.numbers[k]);
    if (!calls_.takes(call, tried)) return;  // for another reason, which is told where the formula is read
    for (size_t k = 0; k < tried.size(); ++k) {
      if (!held.given(k)) continue;
      tried[k] = held.number(k);
      const std::optional<std::string> fault = CallCheck::fault_of(call, tried);
      if (!fault) continue;
      const bool differs = held.given(k)->is_gradient || !held.numbers[k]->is_constant();
      refuse_at(where_, held.given(k)->place,
                differs ? sentence(*fault, "; '", held.numbers[k]->name, "' is ", number_text(tried[k]), " for ",
                                   tensors_text(tree, held.rest))
                        : *fault);
    }
  }

  const PlaceNames& names_;
  const std::string& where_;
  CallCheck calls_;
};

}  // namespace

void expect_taken_numbers(const FlatTrees& trees, const PlaceNames& names, const std::string& where) {
  NumberJudge judge(names, where);
  for (const FlatTree& tree : trees.trees) judge.judge(tree, tree.tree);
}

}  // namespace ckmerge
