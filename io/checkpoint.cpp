// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <optional>
#include <utility>

#include "io/adapter_config.h"
#include "io/folder/component_files.h"
#include "io/folder/hub_cache.h"
#include "io/input_forms.h"
#include "io/opened_file.h"
#include "io/opened_folder.h"

namespace ckmerge {

Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options) {
  if (is_folder_path(path)) return open_folder(snapshot_of(path), options);
  if ((!options.as_stored && !options.alone) || path.ends_with(".json"))
    if (std::optional<Checkpoint> whole = open_whole(path, options)) return *std::move(whole);
  return open_checkpoint(InputFile(path), path, options);
}

Checkpoint open_checkpoint(InputFile file, const std::string& path, const OpenOptions& options) {
  Checkpoint checkpoint = read_file(std::move(file), path, options);
  if (!options.as_stored) naming(path, [&] { take_names(checkpoint, options); });
  if (checkpoint.judgement.holds == Holds::weights)  // a pickle's reader knows of codes that are no tensors
    checkpoint.judgement = judge(checkpoint.tensors, checkpoint.metadata);
  judge_by_adapter_config(checkpoint);
  return checkpoint;
}

Checkpoint open_tensors(const MemoryTensors& tensors, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path = tensors.name;
  checkpoint.form = &memory_form();
  naming(tensors.name, [&] {
    read_memory(checkpoint, tensors);
    if (!options.as_stored) take_names(checkpoint, options);
  });
  checkpoint.judgement = judge(checkpoint.tensors, checkpoint.metadata);
  return checkpoint;
}

void share_names(std::span<Checkpoint> checkpoints) {
  if (checkpoints.size() < 2) return;
  TensorTable& last = checkpoints.back().tensors;
  if (!last.share_names(checkpoints.front().tensors)) last.share_names(checkpoints[checkpoints.size() - 2].tensors);
}

}  // namespace ckmerge
