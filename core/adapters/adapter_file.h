// SPDX-License-Identifier: Apache-2.0
// Reads an adapter: which modules it has, of which kind, what scales them, and what in it cannot be merged.
#pragma once

#include <string>

#include "core/adapters/adapter.h"

namespace ckmerge {

/// `checkpoint` is the opened file, or the opened folder with adapter_config.json beside its weights. Throws
/// Error(mismatch) with a detail line per fault, for kinds that cannot be merged (with the reason), factors without
/// their partners and scales that nothing tells; Error(malformed) for a config that cannot be understood.
Adapter read_adapter(Checkpoint checkpoint);

}  // namespace ckmerge
