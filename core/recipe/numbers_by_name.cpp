// SPDX-License-Identifier: Apache-2.0
// A graph's numbers for one tensor after the other.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "core/recipe/number_sign.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::usage, "weight", sentence); }

// Those that hold, of the numbers that `result` is computed from: "'r IN04=0.2', 's OUT*=0'".
std::string weights_of(const MergeGraph& graph, TermId result, const std::vector<uint32_t>& origins) {
  std::vector<TermId> terms{result};
  std::set<uint32_t> holding;
  for (size_t i = 0; i < terms.size(); ++i) {
    const Term& term = graph[terms[i]];
    const uint32_t origin = origins[terms[i]];
    if (!term.number.rules.empty() && origin != NumberByName::Rule::kNoOrigin) holding.insert(origin);
    for (const TermId operand : term.operands)
      if (std::ranges::find(terms, operand) == terms.end()) terms.push_back(operand);
  }
  std::string out;
  for (const uint32_t origin : holding) out += sentence(out.empty() ? "'" : ", '", graph.origins().at(origin), "'");
  return out;
}

}  // namespace

NumbersByName::NumbersByName(const MergeGraph& graph)
    : graph_(graph),
      by_block_(graph.blocks() ? graph.blocks()->blocks().size() : 0),
      numbers_(graph.terms().size()),
      origins_(graph.terms().size()),
      held_(graph.origins().size()) {
  std::map<std::string_view, int> known;
  std::vector<NamePattern> patterns;
  for (TermId id = 0; id < graph.terms().size(); ++id) {
    numbers_[id] = graph[id].number.value;
    if (!graph[id].number.rules.empty()) every_.named.push_back(id);
    if (graph[id].kind == Term::Kind::arithmetic) every_.computed.push_back(id);
    for (const NumberByName::Rule& rule : graph[id].number.rules) {
      if (rule.pattern.empty()) {
        add({id, &rule, -1});
        continue;
      }
      const auto [pattern, is_new] = known.try_emplace(rule.pattern, static_cast<int>(patterns.size()));
      if (is_new) patterns.emplace_back("weight", rule.pattern);
      add({id, &rule, pattern->second});
    }
  }
  pattern_fits_.resize(patterns.size());
  by_pattern_.resize(patterns.size());
  for (uint32_t i = 0; i < rules_.size(); ++i)
    if (const Rule& rule = rules_[i]; rule.given->blocks.empty()) {
      const bool by_match = rule.pattern >= 0 && !rule.given->unless;
      (by_match ? by_pattern_[static_cast<size_t>(rule.pattern)] : everywhere_).push_back(i);
    }
  patterns_.emplace(std::move(patterns));
}

// By block or pattern, so that a name asks those rules only that may be of its own, however many there are.
void NumbersByName::add(const Rule& rule) {
  const auto index = static_cast<uint32_t>(rules_.size());
  has_blocks_ |= !rule.given->blocks.empty();
  for (const BlockId block : rule.given->blocks) by_block_.at(block).push_back(index);
  rules_.push_back(rule);
}

bool NumbersByName::fits(const Rule& rule) const {
  return rule.pattern < 0 || pattern_fits_[static_cast<size_t>(rule.pattern)] != rule.given->unless;
}

void NumbersByName::apply(Rule& rule) {
  if (!fits(rule)) return;
  rule.matched = true;
  numbers_[rule.term] = rule.given->value;
  origins_[rule.term] = rule.given->origin;
}

const NumbersByName::TermsOf& NumbersByName::terms_of(TermId result) {
  const auto [known, is_new] = terms_of_.try_emplace(result);
  TermsOf& terms = known->second;
  if (!is_new) return terms;
  seen_for_.resize(graph_.terms().size(), static_cast<TermId>(graph_.terms().size()));
  const auto meet = [&](TermId id) {
    if (std::exchange(seen_for_[id], result) != result) terms.all.push_back(id);
  };
  meet(result);
  for (size_t i = 0; i < terms.all.size(); ++i) {
    const Term& term = graph_[terms.all[i]];
    std::ranges::for_each(term.operands, meet);
    std::ranges::for_each(term.factors, meet);
    for (const auto& [parameter, numbers] : term.parameters) std::ranges::for_each(numbers, meet);
  }
  std::ranges::sort(terms.all);
  for (const TermId id : terms.all) {
    if (!graph_[id].number.rules.empty()) terms.named.push_back(id);
    if (graph_[id].kind == Term::Kind::arithmetic) terms.computed.push_back(id);
  }
  return terms;
}

const std::vector<double>& NumbersByName::of(std::string_view name) { return of(name, every_); }

const std::vector<double>& NumbersByName::of(std::string_view name, TermId result) {
  return of(name, terms_of(result));
}

// In the order of the rules, of which the last that matches holds.
const std::vector<double>& NumbersByName::of(std::string_view name, const TermsOf& terms) {
  const BlockMap* const blocks = graph_.blocks();
  if (blocks) name = blocks->weight_name(name);
  for (const TermId id : every_.named) {
    numbers_[id] = graph_[id].number.value;
    origins_[id] = NumberByName::Rule::kNoOrigin;
  }
  const std::vector<int>& matching = patterns_->matching(name);
  for (const int index : matching) pattern_fits_[static_cast<size_t>(index)] = true;
  candidates_ = everywhere_;
  for (const int index : matching) {
    const std::vector<uint32_t>& own = by_pattern_[static_cast<size_t>(index)];
    candidates_.insert(candidates_.end(), own.begin(), own.end());
  }
  if (const BlockId block = has_blocks_ ? blocks->of(name) : BlockMap::kNoBlock; block != BlockMap::kNoBlock)
    candidates_.insert(candidates_.end(), by_block_[block].begin(), by_block_[block].end());
  std::ranges::sort(candidates_);
  for (const uint32_t index : candidates_) apply(rules_[index]);
  for (const int index : matching) pattern_fits_[static_cast<size_t>(index)] = false;
  for (const TermId id : terms.named)
    if (origins_[id] != NumberByName::Rule::kNoOrigin) ++held_[origins_[id]];
  compute(terms.computed);
  return numbers_;
}

void NumbersByName::compute(std::span<const TermId> computed) {
  for (const TermId id : computed) {
    const Term& term = graph_[id];
    numbers_[id] = arithmetic(numbers_[term.operands[0]], term.sign, numbers_[term.operands[1]]);
    if (!std::isfinite(numbers_[id]))
      refuse(sentence("with the weights ", weights_of(graph_, id, origins_),
                      " the formula divides by zero, or comes to a number beyond 64 bits"));
  }
}

std::vector<uint32_t> NumbersByName::unmatched() const {
  std::vector<bool> lacks(held_.size());
  for (const Rule& rule : rules_)
    if (!rule.matched && !rule.given->optional && rule.given->origin != NumberByName::Rule::kNoOrigin)
      lacks[rule.given->origin] = true;
  for (const Rule& rule : rules_)
    if (rule.matched && rule.given->origin != NumberByName::Rule::kNoOrigin) lacks[rule.given->origin] = false;
  std::vector<uint32_t> origins;
  for (uint32_t origin = 0; origin < lacks.size(); ++origin)
    if (lacks[origin]) origins.push_back(origin);
  return origins;
}

void NumbersByName::expect_matched() const {
  for (const Rule& rule : rules_)
    if (!rule.matched && !rule.given->optional && rule.given->origin == NumberByName::Rule::kNoOrigin)
      refuse("the pattern '" + rule.given->pattern + "' matches the name of no tensor that is merged");
}

}  // namespace ckmerge
