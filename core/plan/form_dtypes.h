// SPDX-License-Identifier: Apache-2.0
// What the output's form makes of a plan's dtypes: a form may have no place for some, and programs that read it may
// refuse others.
#pragma once

#include <span>

#include "core/plan/plan.h"

namespace ckmerge {

/// Throws Error(mismatch), with a line per tensor, when `plan` stores what its form cannot hold.
void check_form_dtypes(const Plan& plan, std::span<const Checkpoint> checkpoints);

/// Adds a warning where programs that people use refuse a file of this form with these dtypes.
void warn_about_form_dtypes(Plan& plan);

}  // namespace ckmerge
