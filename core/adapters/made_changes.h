// SPDX-License-Identifier: Apache-2.0
// An adapter as a checkpoint of differences: for each tensor that it changes one of the same name and shape, F32, whose
// bytes no file holds: they are made of the factors, range by range, when somebody reads them (io/file/input_file's
// MemoryBytes). So planning, windows, budget, devices and merging see an input as any other.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "core/adapters/adapter_targets.h"

namespace ckmerge {

/// The strength of a module: `tensor` is the name that its target has in the checkpoint.
using StrengthOf = std::function<double(std::string_view tensor, const AdapterModule& module)>;

/// Elements are W' - W in f32; of kinds that add, the sum of what they add, from zero, in the order of places. `base`
/// is the checkpoint that `targets` were found in, or has the same names and shapes; kinds that act on weights read it.
/// Tensors whose modules all have strength 0 are left out. The path is the adapter's; what it points to must live as
/// long as the result.
Checkpoint made_changes(std::shared_ptr<const Adapter> adapter, const AdapterTargets& targets, const Checkpoint& base,
                        const StrengthOf& strength);

/// Bytes that reading it may hold at a time, whatever is read: the factors of the largest modules, for `threads`
/// readers.
uint64_t changes_memory(const Adapter& adapter, const AdapterTargets& targets, size_t threads);

}  // namespace ckmerge
