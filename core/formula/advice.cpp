// SPDX-License-Identifier: Apache-2.0
#include "core/formula/advice.h"

#include <algorithm>
#include <charconv>

#include "core/formula/method_call.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kMostNamed = 6;      // checkpoints
constexpr size_t kLongestShown = 60;  // bytes of a formula that is repeated in advice

// To six digits: of 0.1 + 0.2 + 0.6 nobody wants to see all.
std::string rounded(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number, std::chars_format::general, 6).ptr};
}

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) return "there are none";
  std::string list = names.size() == 1 ? "the only one is " : "they are ";
  for (size_t k = 0; k < std::min(names.size(), kMostNamed); ++k)
    list += (k == 0 ? "" : k + 1 == names.size() ? " and " : ", ") + names[k];
  return names.size() > kMostNamed ? list + ", ..." : list;
}

// linear(A, B, weights=[1, 1], normalize=false), where it is short.
std::string linear_call(const MergeGraph& graph, const Combination& sum, const Formula& formula) {
  std::string names, weights;
  for (const Combination::Part& part : sum.parts()) {
    if (graph[part.term].kind != Term::Kind::input || sum.parts().size() > kMostNamed)
      return "linear(..., weights=[...], normalize=false)";
    names += formula.names[graph[part.term].input] + ", ";
    weights += (weights.empty() ? "" : ", ") + rounded(part.factor.sum);
  }
  return "linear(" + names + "weights=[" + weights + "], normalize=false)";
}

// A + lora(B) of A + B.
std::string adapter_sum(const MergeGraph& graph, const Combination& sum, const Formula& formula) {
  const Term &first = graph[sum.parts().front().term], &last = graph[sum.parts().back().term];
  if (first.kind != Term::Kind::input || last.kind != Term::Kind::input) return "A + lora(L)";
  return sentence(formula.names[first.input], " + lora(", formula.names[last.input], ")");
}

}  // namespace

std::string unknown_name_fault(const std::string& name, const Formula& formula) {
  if (find_method(name))
    return sentence(name, " is a method, and takes its checkpoints in parentheses: ", name, "(...)");
  const auto is_it = [&](const auto& defined) { return defined.first == name; };
  if (std::ranges::any_of(formula.defined, is_it))
    return sentence("'", name, "' is defined below this; names for expressions use those above them");
  // Any letter is near any other.
  const std::string near = name.size() > 1 ? suggestion(name, formula.names) : "";
  if (!near.empty()) return sentence("no checkpoint is called '", name, "'", near);
  const bool is_place = name.size() == 1 && name[0] >= 'A' && name[0] <= 'Z';
  return sentence("no checkpoint is called '", name, "'; ", listed(formula.names),
                  is_place ? "" : sentence("; a number of that name is given with --param ", name, "=0.5"));
}

std::string delta_fault(const Formula& formula) {
  const bool is_short = formula.text.size() <= kLongestShown && formula.text.find('\n') == std::string::npos;
  return sentence("the result is a delta, a difference of checkpoints, and none itself; add it to one, as in ",
                  formula.names[0], " + (", is_short ? formula.text : "...", ")");
}

std::string untyped_fault(const MergeGraph& graph, const Combination& sum, const Formula& formula) {
  const size_t count = sum.parts().size();
  if (sum.varies())
    return "the weights of the checkpoints add up to one, a checkpoint, or zero, a delta, for some numbers only, and "
           "one that has weights is another for other tensors; write r*A + (1 - r)*B, or multiply a delta by it, as in "
           "A + r*(B - C)";
  const auto is_added = [&](const Combination::Part& part) {
    return part.factor.sum == 1 && graph[part.term].type == TermType::checkpoint;
  };
  const std::string meant = ", or write " + linear_call(graph, sum, formula) + " where that is meant";
  if (std::ranges::all_of(sum.parts(), is_added))
    return sentence(count == 2 ? std::string("two") : std::to_string(count),
                    " checkpoints are added, which gives neither a checkpoint nor a delta; divide their sum by ", count,
                    " for the average, add a difference, as in A + (B - C), or an adapter, as in ",
                    adapter_sum(graph, sum, formula), meant);
  return sentence("the weights of the checkpoints add up to ", rounded(sum.weights(graph).sum),
                  ", where a checkpoint has 1 and a delta 0; change them", meant);
}

}  // namespace ckmerge
