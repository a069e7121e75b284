// SPDX-License-Identifier: Apache-2.0
// Filters that are in no tensor's name, which mergekit passes over without a word.
#pragma once

#include <string>
#include <vector>

#include "core/mergekit/merge_tree.h"

namespace ckmerge {

/// A sentence for each of them, once, with the place of the first. Names are those of all models, in the files and in
/// memory, and of the layers of all documents.
std::vector<std::string> filter_warnings(const MergeTrees& trees);

}  // namespace ckmerge
