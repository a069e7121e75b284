// SPDX-License-Identifier: Apache-2.0
#include "cli/options/progress_kind.h"

#include <array>

#include "cli/options/choices.h"

namespace ckmerge::cli {

ProgressKind parse_progress(std::string_view word, const Environment& environment) {
  using enum ProgressKind;
  static const std::vector<std::string> kWords{"auto", "bar", "plain", "json", "none"};
  const ProgressKind automatic = environment.stderr_tty && !environment.dumb ? bar : plain;
  const ProgressKind drawn = environment.dumb ? plain : bar;
  return std::array{automatic, drawn, plain, json, none}[choice_index("--progress", word, kWords)];
}

}  // namespace ckmerge::cli
