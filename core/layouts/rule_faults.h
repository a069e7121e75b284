// SPDX-License-Identifier: Apache-2.0
// Whether rules can be carried out at all, in both directions: for the tests of tables, since rules are not checked
// while they are used.
#pragma once

#include <string>
#include <vector>

#include "core/layouts/layout_rule.h"

namespace ckmerge {

/// One sentence for each rule that is not as core/layouts/layout_rule asks, and for each two that take one name.
std::vector<std::string> rule_faults(const LayoutRules& rules);

}  // namespace ckmerge
