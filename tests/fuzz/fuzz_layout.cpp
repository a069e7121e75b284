// SPDX-License-Identifier: Apache-2.0
// Rules and tensors of any kind: rules a line each (left, right, a digit of how they reshape and cut), an empty line,
// tensors a line each (name, dimensions of one digit). Whatever they are, a table is rewritten or refused with
// Error(mismatch) and left as it was, and every element is then where it was: in one tensor, or in one that was left
// out.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/families/told_component.h"
#include "core/layouts/rewriting.h"
#include "core/layouts/rule_faults.h"
#include "io/text/error.h"
#include "tests/core/layouts/traced_table.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// One input should take no longer than a fuzzer's round may.
constexpr size_t kMostRules = 16, kMostTensors = 24, kLongest = 96, kMostDimensions = 4;

void expect(bool holds) {
  if (!holds) std::abort();
}

// Takes what is in front of `end` off `text`.
std::string_view take(std::string_view& text, char end) {
  const size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken.substr(0, kLongest);
}

LayoutRule rule_of(std::string_view line) {
  LayoutRule rule{.left = std::string(take(line, ' ')), .right = std::string(take(line, ' '))};
  const unsigned kind = line.empty() ? 0 : static_cast<unsigned char>(line[0]) % 15;
  rule.reshaping = static_cast<Reshaping>(kind % 5);
  rule.cut = static_cast<RowCut>(kind / 5);
  if (rule.reshaping == Reshaping::fold) rule.fold = 2;
  return rule;
}

LayoutRules rules_of(std::string_view& text) {
  LayoutRules rules;
  while (!text.empty() && rules.size() < kMostRules) {
    const std::string_view line = take(text, '\n');
    if (line.empty()) break;
    rules.push_back(rule_of(line));
    if (!rule_faults(rules).empty()) rules.pop_back();
  }
  return rules;
}

Checkpoint tensors_of(std::string_view text) {
  TracedTable table;
  std::vector<std::string> names;
  while (!text.empty() && names.size() < kMostTensors) {
    std::string_view line = take(text, '\n');
    std::string name(take(line, ' '));
    if (std::ranges::find(names, name) != names.end()) continue;
    std::vector<uint64_t> shape;
    for (const char digit : line.substr(0, kMostDimensions)) shape.push_back(static_cast<unsigned char>(digit) % 10);
    const bool turned = line.size() > kMostDimensions;
    const Dtype dtype = line.ends_with('8') ? Dtype::F8_E4M3 : Dtype::F32;
    if (turned)
      table.add_turned(name, shape);
    else
      table.add(name, shape, dtype);
    names.push_back(std::move(name));
  }
  return table.checkpoint();
}

// Where all elements lie but those of `left_out`, in order of the file.
std::vector<uint64_t> all_places(const TensorTable& tensors, const std::vector<std::string>& left_out) {
  std::vector<uint64_t> all;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (std::ranges::find(left_out, tensors.name(i)) != left_out.end()) continue;
    expect(places(tensors, i).size() == tensors[i].count);
    for (const uint64_t place : places(tensors, i)) all.push_back(place);
  }
  std::ranges::sort(all);
  return all;
}

void check(const Checkpoint& given, const LayoutRules& rules, Direction direction, std::string_view prefix) {
  Checkpoint checkpoint = copy(given);
  try {
    const Rewriting done = rewrite(checkpoint, rules, direction, prefix, "to.");
    expect(all_places(given.tensors, done.left_out) == all_places(checkpoint.tensors, {}));
    for (size_t i = 1; i < checkpoint.tensors.size(); ++i)
      expect(checkpoint.tensors.name(i - 1) < checkpoint.tensors.name(i));
    const Direction back = direction == Direction::to_right ? Direction::to_left : Direction::to_right;
    Checkpoint again = copy(checkpoint);
    const Rewriting undone = rewrite(again, rules, back, "to.", prefix);
    expect(all_places(checkpoint.tensors, undone.left_out) == all_places(again.tensors, {}));
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::mismatch && !error.details().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const LayoutRules rules = rules_of(text);
  const Checkpoint given = tensors_of(text);
  for (const Direction direction : {Direction::to_right, Direction::to_left})
    for (const std::string_view prefix : {"", "p."}) check(given, rules, direction, prefix);
  for (const ToldComponent& told : told_components(given.tensors)) {
    const LayoutRules known = told.family->rules(ComponentNames(given.tensors, told.prefix), told.is_left);
    check(given, known, told.is_left ? Direction::to_right : Direction::to_left, told.prefix);
  }
  return 0;
}
