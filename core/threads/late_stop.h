// SPDX-License-Identifier: Apache-2.0
// A stop flag that is had when it is needed: where having one means that signals no longer end the process.
#pragma once

#include <functional>

#include "core/threads/progress.h"

namespace ckmerge {

/// The flag that `give` gives when this one is first asked, and from then on; `give` is called once, since it may take
/// system calls, and must not throw. Thread-safe where the flag is.
StopFlag late_stop(std::function<StopFlag()> give);

}  // namespace ckmerge
