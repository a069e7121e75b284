// SPDX-License-Identifier: Apache-2.0
// Files of adapters and models for tests: tensors by names and shapes alone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/adapters/adapter_file.h"
#include "core/adapters/adapter_targets.h"
#include "tests/core/checkpoint_files.h"

namespace ckmerge::test {

using Shapes = std::vector<std::pair<std::string, std::vector<uint64_t>>>;

/// Tensors of F32 that hold zeros; those called `.alpha` hold `alpha`.
std::vector<FileTensor> tensors_of(const Shapes& shapes, float alpha = 4);

/// lora_up, lora_down and alpha of a module as kohya's scripts name them.
void add_kohya(Shapes& shapes, const std::string& module, uint64_t out, uint64_t in, uint64_t rank = 2);
/// lora_A and lora_B of a module; `prefix` is PEFT's or diffusers'.
void add_dotted(Shapes& shapes, const std::string& module, uint64_t out, uint64_t in, uint64_t rank = 2);

/// An adapter in a file, or, with a config, in a folder of PEFT.
class AdapterFiles {
 public:
  Adapter kohya(const Shapes& shapes, const std::string& metadata = "");
  Adapter peft(const Shapes& shapes, const std::string& config);
  Checkpoint model(const Shapes& shapes);
  std::string write_peft(const Shapes& shapes, const std::string& config);

 private:
  TempFolder folder_;
  int number_ = 0;
};

/// The places of a tensor: "module rows first+count<-module_row" for each, by the module's name.
std::vector<std::string> places_of(const AdapterTargets& targets, const Adapter& adapter, const Checkpoint& model,
                                   const std::string& tensor);

}  // namespace ckmerge::test
