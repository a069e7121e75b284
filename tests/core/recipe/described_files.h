// SPDX-License-Identifier: Apache-2.0
// Checkpoints that are nothing but a path and what their file says of itself.
#pragma once

#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge::test {

inline Checkpoint checkpoint(const std::string& path, const Metadata& metadata = {}) {
  Checkpoint out;
  out.path = path;
  out.metadata = metadata;
  out.has_metadata = true;
  return out;
}

inline std::vector<Checkpoint> pair(const Metadata& a = {}, const Metadata& b = {}) {
  std::vector<Checkpoint> out;
  out.push_back(checkpoint("models/A.safetensors", a));
  out.push_back(checkpoint("B.safetensors", b));
  return out;
}

inline std::string field(const Metadata& metadata, const std::string& key) {
  for (const auto& [name, value] : metadata)
    if (name == key) return value;
  return "(absent)";
}

}  // namespace ckmerge::test
