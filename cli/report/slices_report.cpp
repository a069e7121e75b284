// SPDX-License-Identifier: Apache-2.0
#include "cli/report/slices_report.h"

#include <algorithm>

#include "cli/options/numbers.h"
#include "cli/system/text.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

std::string slice_text(const Slice& slice) {
  const std::string of = letter(slice.input);
  if (slice.is_empty()) return "what lies around them of " + of;
  const std::string layers = slice.end - slice.begin == 1 ? sentence("layer ", slice.begin)
                                                          : sentence("layers ", slice.begin, "..", slice.end - 1);
  return layers + " of " + of + (slice.run.empty() ? "" : " (" + visible(slice.run) + ")");
}

}  // namespace

std::string slice_lines(const Recipe& recipe) {
  std::string out;
  for (size_t k = 0; k < recipe.operands.size(); ++k) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < std::min(recipe.operands[k].size(), kListed); ++i)
      texts.push_back(slice_text(recipe.operands[k][i]));
    if (recipe.operands[k].size() > kListed)
      texts.push_back("and " + std::to_string(recipe.operands[k].size() - kListed) + " more slices");
    out += "  " + letter(k) + " of the formula: " + joined(texts, ", ") + "\n";
  }
  return out;
}

void write_slices(JsonWriter& json, const Recipe& recipe) {
  json.key("slices").begin_array();
  for (const Slices& operand : recipe.operands) {
    json.begin_array();
    for (const Slice& slice : operand) {
      json.begin_object();
      json.key("of").value(letter(slice.input));
      json.key("layers").begin_array();
      json.value(static_cast<uint64_t>(slice.begin)).value(static_cast<uint64_t>(slice.end));
      json.end_array();
      if (!slice.run.empty()) json.key("run").value(slice.run);
      json.end_object();
    }
    json.end_array();
  }
  json.end_array();
}

}  // namespace ckmerge::cli
