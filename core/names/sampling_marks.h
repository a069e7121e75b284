// SPDX-License-Identifier: Apache-2.0
// How a model is sampled is said by marks in a file and by the scheduler in a folder: neither has the other's words.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Whether the tensor is such a mark: v_pred, ztsnr.
bool is_sampling_mark(std::string_view name);

/// A sentence for marks that go with the change to a folder; empty where there are none.
std::string lost_marks_warning(const std::string& path, std::span<const std::string> marks);

/// A sentence for what the scheduler of `folder` says and no file of the result does; empty where that is nothing, or
/// where `told_by_weights`: programs find it out by them.
std::string lost_scheduler_warning(const Checkpoint& folder, bool told_by_weights);

}  // namespace ckmerge
