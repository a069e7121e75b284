// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/weight_rule.h"

#include <algorithm>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string numbers_text(const std::vector<double>& numbers) {
  std::string out;
  for (const double number : numbers) out += (out.empty() ? "" : ",") + number_text(number);
  return out;
}

}  // namespace

std::string text_of(const WeightRule& rule) {
  std::string out = rule.parameter;
  if (rule.input >= 0) out += sentence(" of ", std::string(1, static_cast<char>('A' + rule.input)));
  out += " ";
  const std::string numbers = numbers_text(rule.values);
  const std::string value = rule.values.size() == 1 ? numbers : "[" + numbers + "]";
  switch (rule.by) {
    case WeightRule::By::selector: return out + rule.selector + "=" + value;
    case WeightRule::By::list: return out + "mbw=" + numbers;
    case WeightRule::By::elements: return out + rule.selector + ":" + rule.elements + ":" + value;
  }
  return out;
}

double gradient_at(const std::vector<double>& numbers, size_t place, size_t count) {
  const double t = count < 2 ? 1 : static_cast<double>(place) / static_cast<double>(count - 1);
  const double x = t * static_cast<double>(numbers.size() - 1);
  const auto i = static_cast<size_t>(x);
  const size_t next = std::min(i + 1, numbers.size() - 1);
  const double part = x - static_cast<double>(i);
  return numbers[i] + part * (numbers[next] - numbers[i]);
}

}  // namespace ckmerge
