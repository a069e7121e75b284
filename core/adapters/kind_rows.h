// SPDX-License-Identifier: Apache-2.0
// The rows of core/adapters/adapter_kind's table, each made by a file of core/adapters/kinds.
#pragma once

#include "core/adapters/adapter_kind.h"

namespace ckmerge {

// Those that add something to the weight.
extern const AdapterKind kAdaloraKind;
extern const AdapterKind kFullKind;
extern const AdapterKind kLohaKind;
extern const AdapterKind kLokrKind;
extern const AdapterKind kLoraKind;
extern const AdapterKind kNormKind;
extern const AdapterKind kPveraKind;
extern const AdapterKind kVeraKind;

}  // namespace ckmerge
