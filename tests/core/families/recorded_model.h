// SPDX-License-Identifier: Apache-2.0
// Small models in their two namings as converters that people use made them: tests/layouts/recorded, whose lines
// tests/layouts/tracing.py explains.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/core/checkpoint_files.h"

namespace ckmerge::test {

/// A tensor of I64, each of whose elements is a number of its own: the same in both namings.
struct TracedTensor {
  std::vector<uint64_t> shape = {};
  std::vector<uint64_t> elements = {};
  bool operator==(const TracedTensor&) const = default;
};
using TracedTensors = std::map<std::string, TracedTensor>;

struct RecordedModel {
  std::string name, family, left_naming, right_naming;
  TracedTensors left, right;
  std::vector<std::string> left_out;  ///< names of the left that the right has not, sorted
};

RecordedModel read_recorded(const std::string& path);
/// Of all files, in the order of their names.
std::vector<std::string> recorded_paths();

std::vector<FileTensor> as_file(const TracedTensors& tensors, const std::string& prefix);

}  // namespace ckmerge::test
