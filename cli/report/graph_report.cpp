// SPDX-License-Identifier: Apache-2.0
#include "cli/report/graph_report.h"

#include "core/formula/recipe_graph.h"
#include "core/recipe/graph_text.h"

namespace ckmerge::cli {
namespace {

// Numbers by block and name are told by themselves, and would take long to find again.
std::vector<TermLine> terms_of(const MergeFacts& facts) {
  const Recipe& recipe = facts.plan.recipe;
  if (!recipe.roles.empty()) return {};
  const size_t inputs = given_checkpoints(facts.checkpoints).size();
  std::vector<std::string> names;
  for (size_t k = 0; k < inputs; ++k)
    names.push_back(formula_name(recipe, k, inputs).empty() ? letter(k) : formula_name(recipe, k, inputs));
  return term_lines(recipe.formula || !recipe.adapters.empty() ? graph_of(recipe, inputs) : merge_graph(recipe, inputs),
                    names, recipe.adapters.size());
}

std::string times(size_t uses) {
  if (uses < 2) return "";
  return uses == 2 ? ", used twice" : ", used " + std::to_string(uses) + " times";
}

std::string term_line(const TermLine& term) {
  return term.name + " = " + shortened(term.text, kSentenceWidth) + "  (" + ckmerge::name(term.type) +
         times(term.uses) + (term.needs_statistics ? ", needs statistics of whole tensors first" : "") + ")";
}

}  // namespace

std::string graph_lines(const MergeFacts& facts) {
  if (!facts.plan.recipe.formula && !facts.verbose) return "";
  const std::vector<TermLine> terms = terms_of(facts);
  if (terms.empty()) return "";
  return "  terms, equal ones once:\n" +
         listed(
             terms.size(), [&](size_t i) { return term_line(terms[i]); }, facts.verbose ? SIZE_MAX : kListed);
}

void write_graph(JsonWriter& json, const MergeFacts& facts) {
  json.key("graph");
  const std::vector<TermLine> terms = terms_of(facts);
  if (terms.empty()) {
    json.null();
    return;
  }
  json.begin_array();
  for (const TermLine& term : terms) {
    json.begin_object();
    json.key("name").value(term.name);
    json.key("text").value(term.text);
    json.key("type").value(ckmerge::name(term.type));
    json.key("uses").value(term.uses);
    json.key("needs_statistics").value(term.needs_statistics);
    json.end_object();
  }
  json.end_array();
}

}  // namespace ckmerge::cli
