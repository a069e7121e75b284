// SPDX-License-Identifier: Apache-2.0
// The rows of core/families/model_families, each made by a file of its own.
#pragma once

#include "core/families/model_family.h"

namespace ckmerge {

ModelFamily flux_family();

}  // namespace ckmerge
