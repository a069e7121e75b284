// SPDX-License-Identifier: Apache-2.0
// The rows of core/adapters/adapter_kind's table, each made by a file of core/adapters/kinds.
#pragma once

#include "core/adapters/adapter_kind.h"

namespace ckmerge {

// Those that add something to the weight.
extern const AdapterKind kLoraKind;

}  // namespace ckmerge
