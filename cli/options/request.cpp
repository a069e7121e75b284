// SPDX-License-Identifier: Apache-2.0
#include "cli/options/request.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/options/option_table.h"
#include "cli/options/presets.h"

namespace ckmerge::cli {
namespace {

// Of numbers, which --param and --sweep give.
constexpr auto kWeights = std::to_array<std::string_view>({"mbw-preset", "mbw", "base-alpha", "weight"});

// As in the table, save that the method comes first, or a formula, on which options depend, and those of the method
// before --param, which sees then what is given twice. Weights are the last.
std::vector<OptionSpec> in_order_of_reading(std::vector<OptionSpec> options) {
  const auto rank = [](const OptionSpec& option) {
    const bool is_first = option.reader.type == ValueType::method || option.name == "formula";
    const bool is_weight = std::ranges::find(kWeights, option.name) != kWeights.end();
    return is_first ? 0 : option.of_method ? 1 : is_weight ? 3 : 2;
  };
  std::ranges::stable_sort(options, {}, rank);
  return options;
}

void read_one(const OptionSpec& option, std::span<const std::string> texts, size_t i, Request& request) {
  const Word word{.option = "--" + option.name, .text = texts[i], .before = texts.first(i)};
  request.refused.check([&] {
    if (!option.takes_value() && word.text != "true" && word.text != "false")
      throw Error(ErrorCode::usage, word.option, word.option + " takes no value");
    option.reader.read(request.settings, word);
  });
}

// Beside --formula.
void refuse_beside_formula(const OptionSpec& option, Request& request) {
  request.refused.check([&] {
    const std::string dashed = "--" + option.name;
    throw Error(ErrorCode::usage, dashed,
                dashed +
                    " cannot stand beside --formula, which says itself what is computed; write it into the "
                    "formula, as in 'slerp(A, B, t=0.3)'; --param gives numbers that have names in it");
  });
}

// Flags may be repeated; of --name and --no-name the last one counts.
void read_option(const OptionSpec& option, std::span<const std::string> texts, Request& request) {
  if (option.kind() == OptionKind::list) {
    for (size_t i = 0; i < texts.size(); ++i) read_one(option, texts, i, request);
    return;
  }
  if (option.kind() == OptionKind::value && texts.size() > 1)
    request.refused.check([&] {
      const std::string dashed = "--" + option.name;
      throw Error(ErrorCode::usage, dashed, dashed + " is given " + std::to_string(texts.size()) + " times");
    });
  read_one(option, texts, texts.size() - 1, request);
}

}  // namespace

Request read_request(const CommandLine& line) {
  Request request{.command = line.command, .operands = line.operands};
  GivenOptions given = line.options;
  request.refused.check([&] { request.settings.preset = apply_preset(line.command, given); });
  const bool plans_mergekit = line.command == Command::mergekit && given.contains("mergekit");
  const std::vector<OptionSpec> options = plans_mergekit ? options_planning_mergekit() : options_of(line.command);
  for (const OptionSpec& option : in_order_of_reading(options))
    if (const auto found = given.find(option.name); found != given.end())
      given.contains("formula") && option.says_what_is_computed() ? refuse_beside_formula(option, request)
                                                                  : read_option(option, found->second, request);
  if (given.contains("mbw-presets") && !given.contains("mbw-preset"))
    request.refused.check([] {
      throw Error(ErrorCode::usage, "--mbw-presets",
                  "--mbw-presets is the file in which --mbw-preset NAME looks, and no NAME is given");
    });
  return request;
}

}  // namespace ckmerge::cli
