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

// Those that act on the weight (core/adapters/acting).
extern const AdapterKind kBeftKind;
extern const AdapterKind kBoftKind;
extern const AdapterKind kDeftKind;
extern const AdapterKind kDeloraKind;
extern const AdapterKind kDiagOftKind;
extern const AdapterKind kGloraKind;
extern const AdapterKind kHiraKind;
extern const AdapterKind kHraKind;
extern const AdapterKind kIa3Kind;
extern const AdapterKind kLoraWithDoraKind;
extern const AdapterKind kLycorisBoftKind;
extern const AdapterKind kLycorisIa3Kind;
extern const AdapterKind kMissBatKind;
extern const AdapterKind kOftKind;
extern const AdapterKind kPeanutKind;
extern const AdapterKind kRoadKind;

}  // namespace ckmerge
