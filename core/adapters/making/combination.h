// SPDX-License-Identifier: Apache-2.0
// Adapters made of adapters: sums of LoRAs, which are exact with their ranks added up or the nearest of a rank, and one
// LoRA with lower ranks. Never factor by factor: the product of sums is not the sum of products.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/adapters/making/made_adapter.h"

namespace ckmerge {

/// An adapter and how strongly it counts.
struct CountedAdapter {
  const Adapter* adapter = nullptr;
  double strength = 1;
  std::optional<double> of_encoders = {};  ///< in place of it
  std::vector<double> by_block = {};       ///< not empty: times these (core/adapters/making/module_names.h)
};

struct CombinationOptions {
  std::optional<uint64_t> rank = {};  ///< of all modules, at most
  std::optional<double> energy = {};  ///< the lowest rank of each module that has this share of its energy
  AdapterSpelling spelling = AdapterSpelling::kohya;
  bool energies = true;  ///< of exact sums too, of which all is kept: it takes longer than the sum
  /// Given the bytes that making the largest module takes, before any factor is read. May throw.
  std::function<void(uint64_t bytes)> expect_memory = {};
};

/// How `adapter` is spelled.
AdapterSpelling spelling_of(const Adapter& adapter);

/// The modules of the sum of strength * scale * up * down over all adapters, by name. Without rank and energy their
/// ranks are sums of the ranks. With energy the factors are read once for the ranks. The adapters must outlive what it
/// returns. Throws Error(mismatch), a line for each cause, for modules that are no plain LoRA or whose factors have no
/// product, for whole tensors beside them, for shapes that differ, for names that the spelling cannot have, and for
/// adapters that have no module in common although they are spelled in two ways.
std::vector<MadeModule> combination(std::span<const CountedAdapter> adapters, const CombinationOptions& options);

}  // namespace ckmerge
