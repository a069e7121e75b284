// SPDX-License-Identifier: Apache-2.0
// What became of adapters, told to people and programs.
#pragma once

#include <string>

#include "cli/report/report.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// ", the VAE": what input `k` is, where it is not one of those that are merged.
std::string role_text(const MergeFacts& facts, size_t k);

/// Below the line of adapter `i`: what it is, what it changes, what belongs nowhere; with --verbose all its modules.
std::string adapter_lines(const MergeFacts& facts, size_t i);

/// The recipe's adapters with their strengths, and how they are read.
void write_adapter_uses(JsonWriter& json, const Recipe& recipe);

/// "adapters": all modules of each, and what they belong to.
void write_adapters(JsonWriter& json, const MergeFacts& facts);

/// How much of what adapters add rounding kept, where that is measured; with --verbose tensor by tensor.
std::string energy_lines(const MergeFacts& facts, const RunReport& report);

/// "adapter_energy": the same of all tensors; null where nothing is measured.
void write_energies(JsonWriter& json, const MergeFacts& facts, const RunReport& report);

}  // namespace ckmerge::cli
