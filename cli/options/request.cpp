// SPDX-License-Identifier: Apache-2.0
#include "cli/options/request.h"

#include <algorithm>

#include "cli/options/option_table.h"
#include "cli/options/presets.h"

namespace ckmerge::cli {
namespace {

// As in the table, save that the method and its options come first: so that --param below can tell what is given twice.
std::vector<OptionSpec> in_order_of_reading(std::vector<OptionSpec> options) {
  const auto rank = [](const OptionSpec& option) {
    return option.reader.type == ValueType::method ? 0 : option.of_method ? 1 : 2;
  };
  std::ranges::stable_sort(options, {}, rank);
  return options;
}

void read_option(const OptionSpec& option, const std::vector<std::string>& texts, Request& request) {
  for (size_t i = 0; i < texts.size(); ++i)
    request.refused.check([&] {
      option.reader.read(request.settings,
                         {.option = "--" + option.name, .text = texts[i], .before = std::span(texts).first(i)});
    });
}

}  // namespace

Request read_request(const CommandLine& line) {
  Request request{.command = line.command, .operands = line.operands};
  GivenOptions given = line.options;
  request.refused.check([&] { request.settings.preset = apply_preset(line.command, given); });
  for (const OptionSpec& option : in_order_of_reading(options_of(line.command)))
    if (const auto found = given.find(option.name); found != given.end()) read_option(option, found->second, request);
  return request;
}

}  // namespace ckmerge::cli
