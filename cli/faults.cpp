// SPDX-License-Identifier: Apache-2.0
#include "cli/faults.h"

namespace ckmerge::cli {

void Faults::check(const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& e) {
    errors_.push_back(e);
  }
}

void Faults::raise() const {
  if (errors_.empty()) return;
  if (errors_.size() == 1) throw errors_.front();
  std::vector<std::string> lines;
  for (const Error& error : errors_) {
    lines.emplace_back(error.what());
    for (const std::string& detail : error.details()) lines.push_back("  " + detail);
  }
  const Error& first = errors_.front();
  throw Error(first.code(), first.where(), std::to_string(errors_.size()) + " things stand against it", lines);
}

}  // namespace ckmerge::cli
