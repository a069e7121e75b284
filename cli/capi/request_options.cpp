// SPDX-License-Identifier: Apache-2.0
#include "cli/capi/request_options.h"

#include <algorithm>
#include <array>

#include "cli/options/option_table.h"

namespace ckmerge::cli {
namespace {

constexpr auto kForTerminals =
    std::to_array<std::string_view>({"help", "json", "markdown", "progress", "quiet", "tensors", "verbose"});

}  // namespace

std::vector<Command> request_commands() {
  std::vector<Command> all;
  for (const CommandSpec& spec : commands()) {
    const std::vector<OptionSpec> options = options_of(spec.command);
    if (std::ranges::find(options, "json", &OptionSpec::name) != options.end()) all.push_back(spec.command);
  }
  return all;
}

std::vector<OptionSpec> request_options(Command command) {
  std::vector<OptionSpec> options = options_of(command);
  std::erase_if(options, [](const OptionSpec& option) { return is_for_terminals(option.name); });
  return options;
}

bool is_for_terminals(std::string_view option) {
  return std::ranges::find(kForTerminals, option) != kForTerminals.end();
}

}  // namespace ckmerge::cli
