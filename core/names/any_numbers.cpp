// SPDX-License-Identifier: Apache-2.0
#include "core/names/any_numbers.h"

#include <algorithm>

namespace ckmerge {

std::string with_any_numbers(std::string_view name) {
  std::string pattern;
  while (!name.empty()) {
    const size_t end = std::min(name.find('.'), name.size());
    const std::string_view part = name.substr(0, end);
    const bool is_number = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    pattern += is_number ? std::string_view("#") : part;
    if (end < name.size()) pattern += '.';
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return pattern;
}

}  // namespace ckmerge
