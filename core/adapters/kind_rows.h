// SPDX-License-Identifier: Apache-2.0
// The rows of core/adapters/adapter_kind's table, each made by a file of core/adapters/kinds.
#pragma once

#include "core/adapters/adapter_kind.h"

namespace ckmerge {

// Those that add something to the weight.
extern const AdapterKind kAdaloraKind;
extern const AdapterKind kC3aKind;
extern const AdapterKind kFourierftKind;
extern const AdapterKind kFullKind;
extern const AdapterKind kGraloraKind;
extern const AdapterKind kLohaKind;
extern const AdapterKind kLokrKind;
extern const AdapterKind kLoraKind;
extern const AdapterKind kLycorisGloraKind;
extern const AdapterKind kMissKind;
extern const AdapterKind kNormKind;
extern const AdapterKind kPveraKind;
extern const AdapterKind kRandloraKind;
extern const AdapterKind kShiraKind;
extern const AdapterKind kSupertuningKind;
extern const AdapterKind kUniloraKind;
extern const AdapterKind kVbloraKind;
extern const AdapterKind kVeraKind;
extern const AdapterKind kWaveftKind;

// Those that act on the weight (core/adapters/acting).
extern const AdapterKind kBeftKind;
extern const AdapterKind kBoftKind;
extern const AdapterKind kDeftKind;
extern const AdapterKind kDeloraKind;
extern const AdapterKind kDiagOftKind;
extern const AdapterKind kFrodKind;
extern const AdapterKind kGloraKind;
extern const AdapterKind kHiraKind;
extern const AdapterKind kHraKind;
extern const AdapterKind kIa3Kind;
extern const AdapterKind kKasaKind;
extern const AdapterKind kLohaWithDoraKind;
extern const AdapterKind kLokrWithDoraKind;
extern const AdapterKind kLoraWithDoraKind;
extern const AdapterKind kLycorisBoftKind;
extern const AdapterKind kLycorisIa3Kind;
extern const AdapterKind kMissBatKind;
extern const AdapterKind kOftKind;
extern const AdapterKind kOloraKind;
extern const AdapterKind kOsfKind;
extern const AdapterKind kPeanutKind;
extern const AdapterKind kPissaKind;
extern const AdapterKind kRoadKind;
extern const AdapterKind kTloraKind;

}  // namespace ckmerge
