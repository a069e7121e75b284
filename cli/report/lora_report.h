// SPDX-License-Identifier: Apache-2.0
// What `ckmerge lora` makes, told to people and programs: modules, ranks, and how much of each one's energy is kept.
// Pure: texts are safe for a terminal.
#pragma once

#include <span>
#include <string>

#include "core/adapters/making/extraction.h"
#include "core/engine/run.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// What there is to tell before anything is made.
struct LoraFacts {
  std::string output;  ///< empty: --dry-run may leave it open
  AdapterSpelling spelling = AdapterSpelling::kohya;
  Dtype dtype = Dtype::F16;
  std::span<const MadeModule> modules;
  uint64_t size = 0;                  ///< bytes of the file
  uint64_t unchanged = 0;             ///< weights that are equal in both checkpoints
  std::span<const LeftOut> left_out;  ///< tensors that differ and are not in it
  std::span<const std::string> warnings;
  bool verbose = false;
};

std::string lora_plan_report(const LoraFacts& facts);
JsonWriter lora_plan_json(const LoraFacts& facts);

/// `energies`: of each module.
std::string lora_report(const LoraFacts& facts, std::span<const ModuleEnergy> energies, const RunReport& report);
JsonWriter lora_json(const LoraFacts& facts, std::span<const ModuleEnergy> energies, const RunReport& report);

}  // namespace ckmerge::cli
