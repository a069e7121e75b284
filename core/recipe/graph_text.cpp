// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/graph_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "kernels/method.h"

namespace ckmerge {
namespace {

std::string number_text(double number) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

class Lines {
 public:
  Lines(const MergeGraph& graph, std::span<const std::string> names)
      : graph_(graph), names_(names), uses_(graph.terms().size()), texts_(graph.terms().size()) {
    count();
  }

  std::vector<TermLine> all() {
    for (TermId id = 0; id <= graph_.result(); ++id) {
      if (uses_[id] == 0) continue;
      const Term& term = graph_[id];
      const bool is_result = id == graph_.result();
      const bool stands_inside = term.kind == Term::Kind::input || term.type == TermType::number;
      std::string text = text_of(term);
      if (stands_inside && !is_result) {
        texts_[id] = std::move(text);
        continue;
      }
      texts_[id] = is_result ? "result" : "t" + std::to_string(lines_.size() + 1);
      lines_.push_back({.name = texts_[id],
                        .text = std::move(text),
                        .type = term.type,
                        .uses = is_result ? 0 : uses_[id],
                        .needs_statistics = needs_statistics(term)});
    }
    return std::move(lines_);
  }

 private:
  // Of what leads to the result; a term stands behind those that it refers to.
  void count() {
    uses_[graph_.result()] = 1;
    for (TermId id = graph_.result() + 1; id-- > 0;) {
      if (uses_[id] == 0) continue;
      const Term& term = graph_[id];
      for (const TermId operand : term.operands) ++uses_[operand];
      for (const TermId factor : term.factors) ++uses_[factor];
      for (const auto& [name, numbers] : term.parameters)
        for (const TermId number : numbers) ++uses_[number];
    }
  }

  static bool needs_statistics(const Term& term) {
    return term.kind == Term::Kind::method && !find_method(term.method)->reductions.empty();
  }

  std::string text_of(const Term& term) const {
    switch (term.kind) {
      case Term::Kind::input: return names_[term.input];
      case Term::Kind::number: return number_text(term.number.value) + (term.number.rules.empty() ? "" : " by name");
      case Term::Kind::method: return term.method + "(" + listed(term.operands) + parameters(term) + ")";
      case Term::Kind::sum: return sum(term);
      default: return "(" + listed(term.operands) + listed(term.factors) + ")";
    }
  }

  std::string listed(std::span<const TermId> terms) const {
    std::string out;
    for (const TermId id : terms) out += (out.empty() ? "" : ", ") + texts_[id];
    return out;
  }

  std::string parameters(const Term& term) const {
    std::string out;
    for (const auto& [name, numbers] : term.parameters) {
      const std::string values = listed(numbers);
      out += ", " + name + "=" + (numbers.size() == 1 ? values : "[" + values + "]");
    }
    return out;
  }

  std::string sum(const Term& term) const {
    std::string out;
    for (size_t i = 0; i < term.operands.size(); ++i) {
      const Term& factor = graph_[term.factors[i]];
      const bool is_plain = factor.kind == Term::Kind::number && factor.number.rules.empty();
      const bool is_negative = is_plain && std::signbit(factor.number.value);
      if (out.empty())
        out += is_negative ? "-" : "";
      else
        out += is_negative ? " - " : " + ";
      if (!is_plain)
        out += "(" + texts_[term.factors[i]] + ")*";
      else if (std::fabs(factor.number.value) != 1)
        out += number_text(std::fabs(factor.number.value)) + "*";
      out += texts_[term.operands[i]];
    }
    return out;
  }

  const MergeGraph& graph_;
  std::span<const std::string> names_;
  std::vector<size_t> uses_;
  std::vector<std::string> texts_;  // as other lines speak of it
  std::vector<TermLine> lines_;
};

}  // namespace

std::vector<TermLine> term_lines(const MergeGraph& graph, std::span<const std::string> names) {
  return Lines(graph, names).all();
}

}  // namespace ckmerge
