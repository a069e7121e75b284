// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/mergekit/mergekit_config.h"

namespace ckmerge {

/// What mergekit passes over in silence: parameters that the method has not, shared ones at a model,
/// those of a base, and those that have no effect where they stand.
/// A sentence each.
std::vector<std::string> parameter_warnings(const MergekitFile& file);

}  // namespace ckmerge
