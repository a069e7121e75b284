// SPDX-License-Identifier: Apache-2.0
#include "cli/options/choices.h"

#include <algorithm>

#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {

size_t choice_index(const std::string& option, std::string_view word, const std::vector<std::string>& choices) {
  const auto found = std::find(choices.begin(), choices.end(), word);
  if (found != choices.end()) return static_cast<size_t>(found - choices.begin());
  throw Error(
      ErrorCode::usage, option,
      option + ": '" + std::string(word) + "' is not one of " + joined(choices, ", ") + did_you_mean(word, choices));
}

}  // namespace ckmerge::cli
