// SPDX-License-Identifier: Apache-2.0
#include "cli/options/faults.h"

namespace ckmerge::cli {

void Faults::check(const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& e) {
    errors_.push_back(e);
  }
}

void Faults::add(const Faults& others) { errors_.insert(errors_.end(), others.errors_.begin(), others.errors_.end()); }

void Faults::raise() const {
  if (errors_.empty()) return;
  if (errors_.size() == 1) throw errors_.front();
  std::vector<std::string> lines;
  std::vector<bool> nested;
  for (const Error& error : errors_) {
    lines.emplace_back(error.what());
    lines.insert(lines.end(), error.details().begin(), error.details().end());
    nested.push_back(false);
    nested.resize(lines.size(), true);
  }
  throw GatheredFaults(errors_.front(), std::to_string(errors_.size()) + " things stand against it", lines, nested);
}

}  // namespace ckmerge::cli
