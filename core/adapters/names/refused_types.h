// SPDX-License-Identifier: Apache-2.0
// Types of PEFT's adapters that are no change of weights, or one that no file tells.
#pragma once

#include <string_view>

namespace ckmerge {

/// Why an adapter of `peft_type` cannot be merged into weights, a clause that begins with what it is; empty: nothing is
/// known against it.
std::string_view refused_type(std::string_view peft_type);

/// Whether PEFT 0.21 has such a type: what a later one means by names that are known is not.
bool is_known_type(std::string_view peft_type);

/// Whether modules of an adapter of `peft_type` may be of `kind`, which their factors' names tell. Of a type that is
/// not known, or none, all may be.
bool may_have_kind(std::string_view peft_type, std::string_view kind);

}  // namespace ckmerge
