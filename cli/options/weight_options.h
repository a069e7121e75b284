// SPDX-License-Identifier: Apache-2.0
// The options that give a method other numbers for some of the tensors (docs/blocks.md). Each adds to Recipe::weights;
// lists come before --base-alpha and that before --weight, whatever their order in a command line.
#pragma once

#include "cli/options/option.h"

namespace ckmerge::cli {

/// --weight [PARAMETER:]SELECTOR=X or =[X,Y,...], or supermerger's BLOCKS:ELEMENTS:X, several separated by commas.
Reader read_weight();

/// --mbw [PARAMETER:]X1,X2,...
Reader read_mbw();

/// --mbw-preset NAME of the file that --mbw-presets named.
Reader read_mbw_preset();

/// --base-alpha X.
Reader read_base_alpha();

}  // namespace ckmerge::cli
