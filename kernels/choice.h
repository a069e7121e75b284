// SPDX-License-Identifier: Apache-2.0
// Programs that compute nothing: they take one operand or another as it is, by the place of the element.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernels/program.h"

namespace ckmerge {

/// Whether `program` is one, made of operations that give a place (is_place()), loads and selects by them alone.
bool is_choice(const Program& program);

/// The operand that is taken for all of the n elements of the tensor from `place` on; empty where there are several.
/// REQUIRES: is_choice(), filled (fill_places()).
std::optional<uint16_t> chosen_operand(const Program& program, uint64_t place, size_t n);

}  // namespace ckmerge
