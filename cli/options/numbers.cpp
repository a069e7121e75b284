// SPDX-License-Identifier: Apache-2.0
#include "cli/options/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(std::string_view option, std::string_view text, const std::string& reason) {
  const std::string where(option);
  if (text.empty()) throw Error(ErrorCode::usage, where, where + " has an empty value; " + reason);
  throw Error(ErrorCode::usage, where, where + ": '" + std::string(text) + "' " + reason);
}

std::string hint(std::string_view text) {
  return text.find(',') == text.npos ? "" : "; decimals are written with a point";
}

}  // namespace

double parse_number(std::string_view option, std::string_view text) {
  if (text.empty()) refuse(option, text, "it takes a number such as 0.5");
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    refuse(option, text, "is not a number" + hint(text));
  if (error == std::errc::result_out_of_range) refuse(option, text, "does not fit a 64-bit float");
  if (!std::isfinite(value)) refuse(option, text, "is not a finite number");
  return value;
}

std::vector<double> parse_numbers(std::string_view option, std::string_view text) {
  if (text.empty()) refuse(option, text, "it takes numbers separated by commas, such as 0.5,0.5");
  std::vector<double> values;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (end == begin) refuse(option, text, "has an empty entry; numbers are separated by single commas");
    values.push_back(parse_number(option, text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return values;
}

uint64_t parse_count(std::string_view option, std::string_view text, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  const std::string range = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  if (text.empty()) refuse(option, text, "it takes " + range);
  if (!whole || value < least || value > most) refuse(option, text, "is not " + range);
  return value;
}

}  // namespace ckmerge::cli
