// SPDX-License-Identifier: Apache-2.0
#include "core/formula/formula_fault.h"

#include <algorithm>
#include <vector>

#include "io/text/display_width.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

// Characters shown before and after the fault.
constexpr size_t kBefore = 60, kAfter = 40;

struct Shown {
  std::string text;
  size_t width = 1;  // columns
};

std::vector<Shown> characters(std::string_view line) {
  std::vector<Shown> all;
  while (!line.empty()) {
    const Utf8Character character = decode_utf8(line);
    if (character.size > 0 && character.code_point >= ' ' && character.code_point != 0x7f)
      all.push_back({std::string(line.substr(0, character.size)), display_width(character.code_point)});
    else
      all.push_back({line[0] == '\t' ? " " : "?"});
    line.remove_prefix(std::max<size_t>(character.size, 1));
  }
  return all;
}

}  // namespace

void refuse_at(FormulaPlace place, const std::string& what) {
  const std::string_view text = place.in->text;
  const size_t at = std::min(place.at, text.size());
  const size_t begin = text.substr(0, at).rfind('\n') + 1;
  const auto line_number = 1 + std::ranges::count(text.substr(0, at), '\n');
  const std::vector<Shown> before = characters(text.substr(begin, at - begin));
  const std::vector<Shown> after = characters(text.substr(at, text.find('\n', at) - at));
  const size_t first = before.size() > kBefore ? before.size() - kBefore : 0, last = std::min(after.size(), kAfter);
  std::string line = first > 0 ? "..." : "";
  std::string blanks(line.size(), ' ');
  for (size_t i = first; i < before.size(); ++i) {
    line += before[i].text;
    blanks.append(before[i].width, ' ');
  }
  for (size_t i = 0; i < last; ++i) line += after[i].text;
  if (last < after.size()) line += "...";
  const std::string where = sentence(place.in->label, ":", line_number, ":", before.size() + 1);
  throw Error(ErrorCode::usage, where, where + ": " + what, {line, blanks + "^"});
}

}  // namespace ckmerge
