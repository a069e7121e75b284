// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/dtype_rules.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr const char* kOption = "--dtype";
constexpr std::string_view kEnd = "/=";  // the last one, since a pattern may hold it

size_t end_of_pattern(const std::string& text) {
  const size_t end = text.rfind(kEnd);
  if (!is_dtype_rule(text) || end == text.npos || end == 0)
    throw Error(ErrorCode::usage, kOption, sentence(kOption, ": '", text, "' is not of the form /REGEX/=DTYPE"));
  if (end == 1)
    throw Error(ErrorCode::usage, kOption,
                sentence(kOption, ": the pattern of '", text, "' is empty; --dtype without one is of all tensors"));
  return end;
}

PartDtype dtype_of(const std::string& text) {
  const std::string name = text.substr(text.rfind(kEnd) + kEnd.size());
  if (name == "keep") return {};
  try {
    return {parse_dtype(name)};
  } catch (const Error& error) {
    throw Error(ErrorCode::usage, kOption, sentence(kOption, ": ", error.what()));
  }
}

NamePatternSet patterns_of(const std::vector<std::string>& texts) {
  std::vector<NamePattern> patterns;
  for (const std::string& text : texts) patterns.emplace_back(kOption, text.substr(1, end_of_pattern(text) - 1));
  return NamePatternSet(std::move(patterns));
}

}  // namespace

DtypeRules::DtypeRules(const std::vector<std::string>& texts)
    : texts_(texts), matched_(texts.size()), patterns_(patterns_of(texts)) {
  for (const std::string& text : texts) dtypes_.push_back(dtype_of(text));
}

std::optional<PartDtype> DtypeRules::of(std::string_view name) {
  if (dtypes_.empty()) return std::nullopt;
  int last = -1;
  for (const int rule : patterns_.matching(name)) {
    matched_[static_cast<size_t>(rule)] = true;
    last = std::max(last, rule);
  }
  if (last < 0) return std::nullopt;
  return dtypes_[static_cast<size_t>(last)];
}

bool DtypeRules::say_dtype() const {
  return std::ranges::any_of(dtypes_, [](const PartDtype& rule) { return rule.dtype.has_value(); });
}

void DtypeRules::expect_matched() const {
  for (size_t i = 0; i < matched_.size(); ++i)
    if (!matched_[i])
      throw Error(ErrorCode::usage, kOption,
                  sentence(kOption, " '", texts_[i],
                           "': the result has no float tensor of such a name whose dtype could be chosen"));
}

}  // namespace ckmerge
