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
    &kFullKind,
    &kLohaKind,
    &kLokrKind,
    &kLoraKind,
    &kNormKind,
    &kPveraKind,
    &kVeraKind,
    // Those that act on it.
    &kBeftKind,
    &kBoftKind,
    &kDeftKind,
    &kDeloraKind,
    &kDiagOftKind,
    &kGloraKind,
    &kHiraKind,
    &kHraKind,
    &kIa3Kind,
    &kLoraWithDoraKind,
    &kLycorisBoftKind,
    &kLycorisIa3Kind,
    &kMissBatKind,
    &kOftKind,
    &kPeanutKind,
    &kRoadKind,
};

}  // namespace

uint64_t ModuleWeight::columns() const { return columns_of(shape); }

std::span<const AdapterKind* const> adapter_kinds() { return kKinds; }

const AdapterKind* find_adapter_kind(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &AdapterKind::name);
  return found == std::end(kKinds) ? nullptr : *found;
}

}  // namespace ckmerge
