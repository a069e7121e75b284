// SPDX-License-Identifier: Apache-2.0
// What an adapter that is made says of itself: the fields of kohya's scripts, by which A1111, Forge and ComfyUI show
// and sort adapters, and how it was made; and PEFT's adapter_config.json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/adapters/making/made_adapter.h"
#include "io/table/metadata.h"

namespace ckmerge {

/// How an adapter was made, for `ckmerge.adapter`: no path, time or host.
struct AdapterRecord {
  std::string made_by;              ///< "extract", "merge", "resize"
  std::vector<std::string> inputs;  ///< base names of the files
  Metadata fields = {};             ///< what was asked for, by option
};

/// The metadata of a file of `modules`. `kept` are fields that go before ours where they are kohya's (ss_*), but for
/// those that are no longer true: the network's, what scales it, and sums of the file.
Metadata made_metadata(std::span<const MadeModule> modules, AdapterSpelling spelling, std::string_view architecture,
                       const AdapterRecord& record, const Metadata& kept = {});

/// The adapter_config.json of `modules` in PEFT's spelling: their scale is 1. `base_model` may be empty.
std::string made_peft_config(std::span<const MadeModule> modules, std::string_view base_model);

}  // namespace ckmerge
