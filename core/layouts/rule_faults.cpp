// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/rule_faults.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "core/layouts/rule_matcher.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

struct Blanks {
  size_t numbers = 0, stacked = 0, rest = 0;
  bool rest_is_last = false;
  bool has_other = false;  // characters of patterns within a component
};

Blanks blanks_of(string_view pattern) {
  Blanks blanks;
  for (size_t begin = 0; begin <= pattern.size();) {
    const size_t end = std::min(pattern.find('.', begin), pattern.size());
    const string_view component = pattern.substr(begin, end - begin);
    blanks.rest_is_last = component == "*";
    blanks.numbers += component == "#";
    blanks.stacked += component == "@";
    blanks.rest += component == "*";
    blanks.has_other |= component.size() > 1 && component.find_first_of("#@*{}") != string_view::npos;
    blanks.has_other |= component == "{" || component == "}";
    begin = end + 1;
  }
  return blanks;
}

// Why the rule cannot be carried out; null: it can.
const char* fault_of(const LayoutRule& rule) {
  if (rule.left.empty() && rule.right.empty()) return "has neither side";
  const std::vector<string> parts = without_braces(rule.right);
  if (parts.size() < 2 && rule.cut != RowCut::equal) return "cuts nothing into parts";
  if (parts.size() > 1 && rule.reshaping == Reshaping::fold) return "folds what it cuts";
  if ((rule.reshaping == Reshaping::fold) != (rule.fold > 0)) return "folds, or does not, into no number of rows";
  const Blanks left = blanks_of(rule.left);
  if (left.has_other || left.stacked > 0) return "has braces or @ on the left, or a blank within a component";
  for (const string& part : parts) {
    const Blanks right = blanks_of(part);
    if (right.has_other) return "has a blank within a component, or braces that do not close";
    if (right.stacked > 1 || right.rest > 1 || left.rest > 1) return "has @ or * twice";
    if ((left.rest && !left.rest_is_last) || (right.rest && !right.rest_is_last)) return "has * before its end";
    if (left.numbers > 8 || right.numbers > 8) return "has more than eight #";
    if (rule.left.empty() || rule.right.empty()) continue;
    if (left.numbers != right.numbers || left.rest != right.rest) return "has other blanks on its two sides";
  }
  return nullptr;
}

}  // namespace

std::vector<string> rule_faults(const LayoutRules& rules) {
  std::vector<string> faults;
  std::set<string> lefts, rights;
  for (const LayoutRule& rule : rules) {
    const auto fault = [&](string_view why) { faults.push_back(sentence(rule.left, " -> ", rule.right, " ", why)); };
    if (const char* why = fault_of(rule)) fault(why);
    if (!rule.left.empty() && !lefts.insert(rule.left).second) fault("takes names of another rule on its left");
    if (rule.right.empty()) continue;
    for (const string& part : without_braces(rule.right))
      if (!rights.insert(part).second) fault("takes names of another rule on its right");
  }
  return faults;
}

}  // namespace ckmerge
