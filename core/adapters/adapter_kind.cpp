// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_kind.h"

#include <algorithm>

#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"

namespace ckmerge {
namespace {

constexpr const AdapterKind* kKinds[] = {
    // Those that add something to the weight.
    &kAdaloraKind,
    &kC3aKind,
    &kFourierftKind,
    &kFullKind,
    &kGraloraKind,
    &kLohaKind,
    &kLokrKind,
    &kLoraKind,
    &kLycorisGloraKind,
    &kMissKind,
    &kNormKind,
    &kPveraKind,
    &kRandloraKind,
    &kShiraKind,
    &kSupertuningKind,
    &kUniloraKind,
    &kVbloraKind,
    &kVeraKind,
    &kWaveftKind,
    // Those that act on it.
    &kBeftKind,
    &kBoftKind,
    &kDeftKind,
    &kDeloraKind,
    &kDiagOftKind,
    &kFrodKind,
    &kGloraKind,
    &kHiraKind,
    &kHraKind,
    &kIa3Kind,
    &kKasaKind,
    &kLohaWithDoraKind,
    &kLokrWithDoraKind,
    &kLoraWithDoraKind,
    &kLycorisBoftKind,
    &kLycorisIa3Kind,
    &kMissBatKind,
    &kOftKind,
    &kOloraKind,
    &kOsfKind,
    &kPeanutKind,
    &kPissaKind,
    &kRoadKind,
    &kTloraKind,
};

}  // namespace

uint64_t ModuleWeight::columns() const { return columns_of(shape); }

std::span<const AdapterKind* const> adapter_kinds() { return kKinds; }

const AdapterKind* find_adapter_kind(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &AdapterKind::name);
  return found == std::end(kKinds) ? nullptr : *found;
}

}  // namespace ckmerge
