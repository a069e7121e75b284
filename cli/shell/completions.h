// SPDX-License-Identifier: Apache-2.0
// Scripts with which shells complete our command lines. All of them are made from the tables of commands and options,
// so that no option, choice or method can be missing from one of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/options/option_table.h"
#include "cli/options/request.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

/// `ckmerge completions SHELL`.
void completions_command(const Request& request, Caller& caller);

std::string bash_completions();
std::string zsh_completions();
std::string fish_completions();

/// Checkpoints by their file names.
inline constexpr std::string_view kCheckpointSuffix = ".safetensors";

/// The values of `option`, where they can be listed.
std::vector<std::string> listed_values(const OptionSpec& option);

/// `text` between single quotes, for shells that end them with every single quote (bash, zsh).
std::string single_quoted(std::string_view text);

}  // namespace ckmerge::cli
