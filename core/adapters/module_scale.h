// SPDX-License-Identifier: Apache-2.0
// What scales a module's product: alpha by rank and its kin, of each maker as the maker does it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/adapters/adapter.h"
#include "core/adapters/peft_config.h"

namespace ckmerge {

/// A module's rank by its factors' shapes; of stacked experts that of all together. 0: its kind has none, or no factor
/// tells it.
uint64_t rank_of(const Adapter& adapter, const AdapterModule& module);

/// Of kohya's, LyCORIS's and diffusers' files: alpha by rank; 1 where there is no alpha, or it is 0. Returns what is
/// wrong, a clause, or nothing.
std::string set_scale(const Adapter& adapter, AdapterModule& module, std::optional<double> alpha);

/// What sets the scale in PEFT's configs, with the numbers that its kind asks for. `name`: that of the module in the
/// model. Returns what is wrong, a clause, or nothing.
std::string set_scale(const Adapter& adapter, AdapterModule& module, const PeftConfig& config, std::string_view name);

/// The value of a tensor of one element. Throws as InputFile::read_at() does.
double number_in(const Checkpoint& file, uint32_t tensor);

}  // namespace ckmerge
