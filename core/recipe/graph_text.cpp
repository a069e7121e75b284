// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/graph_text.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "io/text/sentence.h"
#include "kernels/method.h"

namespace ckmerge {
namespace {

std::string by_name_text(const NumberByName& number) {
  if (!number.name.empty()) return number.name;
  return number_text(number.value) + (number.rules.empty() ? "" : " by name");
}

bool is_unnamed(const Term& number) { return number.kind == Term::Kind::number && number.number.name.empty(); }

class LineTexts {
 public:
  LineTexts(const MergeGraph& graph, std::span<const std::string> names, size_t adapters)
      : graph_(graph), names_(names), adapters_(adapters), uses_(graph.terms().size()), texts_(graph.terms().size()) {
    count();
    for (size_t i = graph.wanted().size(); i-- > 0;) results_[graph.wanted()[i]] = i;
  }

  std::vector<TermLine> all() {
    const TermId last = *std::ranges::max_element(graph_.wanted());
    for (TermId id = 0; id <= last; ++id) {
      if (uses_[id] == 0) continue;
      const Term& term = graph_[id];
      const std::string result = result_name(id);
      const bool is_result = !result.empty();
      const bool stands_inside =
          term.kind == Term::Kind::input || term.kind == Term::Kind::adapter || term.type == TermType::number;
      std::string text = text_of(term);
      if (stands_inside && !is_result) {
        texts_[id] = std::move(text);
        continue;
      }
      const std::string line_name = is_result ? result : "t" + std::to_string(++between_);
      texts_[id] = stands_inside ? text : line_name;
      lines_.push_back({.name = line_name,
                        .text = std::move(text),
                        .type = term.type,
                        .uses = is_result ? uses_[id] - 1 : uses_[id],
                        .needs_statistics = needs_statistics(term)});
    }
    return std::move(lines_);
  }

 private:
  // Of what leads to a result; a term stands behind those that it refers to.
  void count() {
    for (const TermId id : graph_.wanted()) uses_[id] = 1;
    for (auto id = static_cast<TermId>(uses_.size()); id-- > 0;) {
      if (uses_[id] == 0) continue;
      const Term& term = graph_[id];
      for (const TermId operand : term.operands) ++uses_[operand];
      for (const TermId factor : term.factors) ++uses_[factor];
      for (const auto& [name, numbers] : term.parameters)
        for (const TermId number : numbers) ++uses_[number];
    }
  }

  // The first of the results that a term is; empty where it is none.
  std::string result_name(TermId id) const {
    const auto found = results_.find(id);
    if (found == results_.end()) return "";
    return found->second == 0 ? "result" : "other result " + std::to_string(found->second);
  }

  static bool needs_statistics(const Term& term) {
    return term.kind == Term::Kind::method && find_method(term.method)->reductions;
  }

  std::string text_of(const Term& term) const {
    switch (term.kind) {
      case Term::Kind::input: return names_[term.input];
      case Term::Kind::adapter: return "lora(" + names_[names_.size() - adapters_ + term.input] + ")";
      case Term::Kind::number: return by_name_text(term.number);
      case Term::Kind::method: return term.method + "(" + listed(term.operands) + parameters(term) + ")";
      case Term::Kind::sum: return sum(term);
      case Term::Kind::arithmetic:
        return "(" + texts_[term.operands[0]] + " " + term.sign + " " + texts_[term.operands[1]] + ")";
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
    const MethodSpec& spec = *find_method(term.method)->spec;
    for (const ParameterSpec& parameter : spec.parameter_list())
      if (const auto given = term.parameters.find(parameter.name); given != term.parameters.end())
        out += ", " + given->first + "=" + values_text(given->second, parameter.kind);
    return out;
  }

  std::string values_text(std::span<const TermId> numbers, ParameterKind kind) const {
    if (kind == ParameterKind::numbers) return "[" + listed(numbers) + "]";
    if (kind == ParameterKind::flag) return graph_[numbers[0]].number.value != 0 ? "true" : "false";
    return listed(numbers);
  }

  std::string sum(const Term& term) const {
    std::string out;
    for (size_t i = 0; i < term.operands.size(); ++i) {
      const Term& factor = graph_[term.factors[i]];
      const bool is_plain =
          factor.kind == Term::Kind::number && factor.number.rules.empty() && factor.number.name.empty();
      const bool is_negative = is_plain && std::signbit(factor.number.value);
      if (out.empty())
        out += is_negative ? "-" : "";
      else
        out += is_negative ? " - " : " + ";
      if (!is_plain)
        out += (is_unnamed(factor) ? "(" + texts_[term.factors[i]] + ")" : texts_[term.factors[i]]) + "*";
      else if (std::fabs(factor.number.value) != 1)
        out += number_text(std::fabs(factor.number.value)) + "*";
      out += texts_[term.operands[i]];
    }
    return out;
  }

  const MergeGraph& graph_;
  std::span<const std::string> names_;
  const size_t adapters_;                       // of the names, the last
  std::unordered_map<TermId, size_t> results_;  // the first of the results that a term is
  std::vector<size_t> uses_;
  std::vector<std::string> texts_;  // as other lines speak of it
  std::vector<TermLine> lines_;
  size_t between_ = 0;  // lines that are no result
};

}  // namespace

std::vector<TermLine> term_lines(const MergeGraph& graph, std::span<const std::string> names, size_t adapters) {
  return LineTexts(graph, names, adapters).all();
}

}  // namespace ckmerge
