// SPDX-License-Identifier: Apache-2.0
// --component: one component of each pipeline that is given, as if its sub-folder had been named.
#pragma once

#include <span>
#include <string>

namespace ckmerge::cli {

/// Lets each of `paths` that is a pipeline's folder (behind NAME= where it stands so) name the sub-folder `component`
/// of it; others stay. Throws Error(usage) for a pipeline that has no weights of it, and where none is a pipeline.
void put_component(const std::string& component, std::span<std::string* const> paths, bool may_have_names);

}  // namespace ckmerge::cli
