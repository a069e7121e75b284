// SPDX-License-Identifier: Apache-2.0
// Writing an adapter that is made: a file, or in PEFT's spelling a folder, as merges write theirs.
#pragma once

#include <string>
#include <vector>

#include "cli/options/request.h"
#include "cli/report/caller.h"
#include "core/adapters/making/extraction.h"
#include "core/adapters/making/made_adapter.h"
#include "core/adapters/making/made_metadata.h"

namespace ckmerge::cli {

/// What `ckmerge lora` has found out before anything is written.
struct LoraJob {
  Settings settings = {};
  std::string made_by = {};  ///< "extract", "merge", "resize"
  AdapterSpelling spelling = AdapterSpelling::kohya;
  std::vector<Checkpoint> inputs = {};  ///< as they were opened
  std::vector<MadeModule> modules = {};
  std::string architecture = {};
  Metadata fields = {}, kept = {};     ///< AdapterRecord::fields, and the inputs' metadata to be kept
  std::string base_model = {};         ///< for adapter_config.json
  uint64_t unchanged = 0;              ///< weights that are equal in both
  std::vector<LeftOut> left_out = {};  ///< tensors that differ and are not in the adapter
  std::vector<std::string> warnings = {};
};

/// Whether an output of this name is a folder of PEFT.
bool is_adapter_folder(const std::string& output);

/// Refuses a --memory in which a module that takes so many bytes cannot be made. Throws Error(resources).
void expect_lora_memory(const Settings& settings, uint64_t largest);
/// Of a file or folder, without its path; in UTF-8.
std::string base_name(const std::string& path);

/// Refuses what stands against the output's name and place. Throws Error(usage | io).
void expect_lora_output(const LoraJob& job);

/// Refuses what stands against the output, writes it, and tells it. With --dry-run only what would be written.
void write_lora(LoraJob job, Caller& caller);

}  // namespace ckmerge::cli
