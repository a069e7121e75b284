// SPDX-License-Identifier: Apache-2.0
// The table of layouts: the prefixes of each family.
#pragma once

#include <span>

#include "core/inputs/pipeline_layout.h"

namespace ckmerge {

std::span<const Layout> layouts();

}  // namespace ckmerge
