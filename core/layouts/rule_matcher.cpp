// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/rule_matcher.h"

#include <algorithm>
#include <charconv>

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

size_t end_of_component(string_view name, size_t begin) { return std::min(name.find('.', begin), name.size()); }

bool is_blank(string_view component) { return component == "#" || component == "@" || component == "*"; }

bool is_number(string_view component) {
  if (component.empty() || (component.size() > 1 && component[0] == '0')) return false;
  return std::ranges::all_of(component, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<string> without_braces(const string& pattern) {
  const size_t open = pattern.find('{'), close = pattern.find('}');
  if (open == string::npos || close == string::npos || close < open) return {pattern};
  std::vector<string> parts;
  for (size_t begin = open + 1; begin <= close;) {
    const size_t end = std::min(pattern.find(',', begin), close);
    parts.push_back(pattern.substr(0, open) + pattern.substr(begin, end - begin) + pattern.substr(close + 1));
    begin = end + 1;
  }
  return parts;
}

RuleMatcher::RuleMatcher(const LayoutRules& rules, Direction direction) : rules_(rules), nodes_(1) {
  const bool to_right = direction == Direction::to_right;
  std::vector<Source> sources;
  for (const LayoutRule& rule : rules) {
    const std::vector<string> right = without_braces(rule.right);
    Targets& targets = targets_.emplace_back();
    targets.parts = right.size();
    targets.stacks = (rule.right + '.').find("@.") != string::npos;
    const std::vector<string> whole = {rule.left};
    for (const string& name : to_right ? right : whole)
      if (!name.empty()) targets.names.push_back(make_target(name));
    for (size_t part = 0; const string& name : to_right ? whole : right) {
      if (!name.empty()) {
        patterns_.push_back(name);
        sources.push_back({&rule, part});
      }
      ++part;
    }
  }
  for (size_t i = 0; i < sources.size(); ++i) add_source(patterns_[i], sources[i]);
}

RuleMatcher::Target RuleMatcher::make_target(string_view pattern) {
  Target target;
  target.texts.emplace_back();
  for (size_t begin = 0; begin <= pattern.size();) {
    const size_t end = end_of_component(pattern, begin);
    const string_view component = pattern.substr(begin, end - begin);
    if (begin > 0) target.texts.back() += '.';
    if (is_blank(component)) {
      target.blanks.push_back(component[0]);
      target.texts.emplace_back();
    } else {
      target.texts.back() += component;
    }
    begin = end + 1;
  }
  return target;
}

void RuleMatcher::add_source(string_view pattern, const Source& source) {
  const auto index = static_cast<int32_t>(sources_.size());
  sources_.push_back(source);
  uint32_t node = 0;
  for (size_t begin = 0; begin <= pattern.size();) {
    const size_t end = end_of_component(pattern, begin);
    const string_view component = pattern.substr(begin, end - begin);
    if (component == "*") {
      nodes_[node].rest = index;
      return;
    }
    if (component == "#" || component == "@") {
      uint32_t next = component == "#" ? nodes_[node].number : nodes_[node].stacked;
      if (next == 0) {
        next = static_cast<uint32_t>(nodes_.size());
        (component == "#" ? nodes_[node].number : nodes_[node].stacked) = next;
        nodes_.emplace_back();
      }
      node = next;
    } else {
      node = literal_child(node, component);
    }
    begin = end + 1;
  }
  nodes_[node].here = index;
}

uint32_t RuleMatcher::literal_child(uint32_t node, string_view component) {
  auto& literals = nodes_[node].literals;
  const auto place = std::ranges::lower_bound(literals, component, {}, &std::pair<string_view, uint32_t>::first);
  if (place != literals.end() && place->first == component) return place->second;
  const auto next = static_cast<uint32_t>(nodes_.size());
  literals.emplace(place, component, next);
  nodes_.emplace_back();
  return next;
}

std::optional<RuleMatch> RuleMatcher::match(string_view name) const {
  RuleMatch match;
  if (!walk(0, name, 0, match)) return std::nullopt;
  return match;
}

// From the component that begins at `begin` on; behind the name's end where it has no further one.
bool RuleMatcher::walk(uint32_t node, string_view name, size_t begin, RuleMatch& match) const {
  if (begin > name.size()) return accept(nodes_[node].here, match);
  const size_t end = end_of_component(name, begin);
  if (walk_literal(node, name, begin, end, match) || walk_number(node, name, begin, end, match)) return true;
  if (nodes_[node].rest < 0) return false;
  match.rest = name.substr(begin);
  return accept(nodes_[node].rest, match);
}

bool RuleMatcher::walk_literal(uint32_t node, string_view name, size_t begin, size_t end, RuleMatch& match) const {
  const auto& literals = nodes_[node].literals;
  const string_view component = name.substr(begin, end - begin);
  const auto place = std::ranges::lower_bound(literals, component, {}, &std::pair<string_view, uint32_t>::first);
  return place != literals.end() && place->first == component && walk(place->second, name, end + 1, match);
}

bool RuleMatcher::walk_number(uint32_t node, string_view name, size_t begin, size_t end, RuleMatch& match) const {
  const string_view component = name.substr(begin, end - begin);
  if ((nodes_[node].number == 0 && nodes_[node].stacked == 0) || !is_number(component)) return false;
  if (nodes_[node].number != 0 && match.number_count < match.numbers.size()) {
    match.numbers[match.number_count++] = component;
    if (walk(nodes_[node].number, name, end + 1, match)) return true;
    --match.number_count;
  }
  if (nodes_[node].stacked == 0) return false;
  const auto read = std::from_chars(component.data(), component.data() + component.size(), match.stacked);
  return read.ec == std::errc() && walk(nodes_[node].stacked, name, end + 1, match);
}

bool RuleMatcher::accept(int32_t source, RuleMatch& match) const {
  if (source < 0) return false;
  match.rule = sources_[static_cast<size_t>(source)].rule;
  match.part = sources_[static_cast<size_t>(source)].part;
  return true;
}

void RuleMatcher::append_target(const RuleMatch& match, size_t part, uint64_t stacked, string& out) const {
  const Targets& targets = targets_of(*match.rule);
  const Target& target = targets.names[targets.names.size() == 1 ? 0 : part];
  size_t number = 0;
  out += target.texts[0];
  for (size_t i = 0; i < target.blanks.size(); ++i) {
    if (target.blanks[i] == '#')
      out += match.numbers[number++];
    else if (target.blanks[i] == '*')
      out += match.rest;
    else
      out += std::to_string(stacked);
    out += target.texts[i + 1];
  }
}

}  // namespace ckmerge
