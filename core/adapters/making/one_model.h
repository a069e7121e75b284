// SPDX-License-Identifier: Apache-2.0
// Whether adapters can be added up: they are of one model, and call its modules alike.
#pragma once

#include <span>
#include <string>

#include "core/adapters/making/combination.h"

namespace ckmerge {

/// Throws Error(mismatch), a line each, for adapters of different networks, for modules called as the publisher has
/// them beside such as diffusers has, and for components that a folder of PEFT cannot hold beside each other.
void expect_one_model(std::span<const CountedAdapter> adapters, AdapterSpelling spelling);

/// Whether the network has one text encoder, which kohya's scripts give no number: SD 1 and SD 2.
bool has_sole_encoder(std::span<const CountedAdapter> adapters);

}  // namespace ckmerge
