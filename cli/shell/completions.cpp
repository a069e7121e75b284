// SPDX-License-Identifier: Apache-2.0
#include "cli/shell/completions.h"

#include "cli/options/choices.h"
#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {

std::vector<std::string> listed_values(const OptionSpec& option) {
  return option.reader.choices.empty() ? words_of(option.word_kind()) : option.reader.choices;
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

void completions_command(const Request& request, Caller& caller) {
  const std::vector<std::string> shells = words_of(WordKind::shell);
  if (request.operands.size() != 1)
    throw Error(ErrorCode::usage, "SHELL",
                "name one shell, as in `ckmerge completions bash`; there are " + joined(shells, ", "));
  request.refused.raise();
  constexpr std::string (*kScripts[])() = {bash_completions, zsh_completions, fish_completions};
  caller.tell(kScripts[choice_index("SHELL", request.operands[0], shells)]());
}

}  // namespace ckmerge::cli
