// SPDX-License-Identifier: Apache-2.0
// Which network an adapter was trained for, by the names of the modules that it changes and the widths of their inputs.
// What cannot be told is not guessed: self_attn.q_proj is of a hundred language models.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// "sd1", "sdxl", "flux", "wan", ... as core/names/architecture has them; empty: not known.
std::string adapter_network(const TensorTable& tensors);

/// The same of the base that PEFT's config names, a path or a name of the Hub; for language models only.
std::string network_of_base(std::string_view base_model);

/// Whose names a module of a network that makes pictures has, where that is to be seen.
enum class ModuleNaming : uint8_t { unknown, original, diffusers };

/// `path`: of a module behind its component, with dots or underscores.
ModuleNaming module_naming(std::string_view path);

}  // namespace ckmerge
