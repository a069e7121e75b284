// SPDX-License-Identifier: Apache-2.0
// Methods of other programs that are none of ours.
#pragma once

#include <string>
#include <string_view>

namespace ckmerge {

/// "; DARE drops ...": what to say behind the name of such a method, whatever its case, blanks and signs; empty for any
/// other name.
std::string foreign_method_advice(std::string_view name);

}  // namespace ckmerge
