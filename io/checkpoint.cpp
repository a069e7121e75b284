// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <algorithm>
#include <utility>

#include "io/adapter_config.h"
#include "io/file_kind.h"
#include "io/folder/component_files.h"
#include "io/folder/joined_components.h"
#include "io/input_forms.h"
#include "io/table/average_names.h"
#include "io/table/text_encoder_names.h"
#include "io/table/training_wrappers.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/torch/zip_end.h"

namespace ckmerge {
namespace {

// InputFile names its path itself; the pure readers know bytes only.
template <typename Read>
auto naming(const std::string& path, Read&& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.code(), path, sentence(path, ": ", error.what()), error.details());
  }
}

std::vector<std::byte> first_bytes_of(const InputFile& file) {
  std::vector<std::byte> bytes(std::min(kFirstBytes, file.size()));
  file.read_at(0, bytes);
  return bytes;
}

std::string_view kind_of(const InputFile& file, const std::string& path, std::span<const std::byte> first_bytes) {
  constexpr uint64_t kLastBytes = 8;
  std::vector<std::byte> last(std::min(kLastBytes, file.size()));
  file.read_at(file.size() - last.size(), last);
  return other_file_kind({.first = first_bytes, .last = last, .path = path});
}

// A row's reader knows its own form; that a file is something else, or two things at once, is known here.
void read_form(Checkpoint& checkpoint, std::span<const std::byte> first_bytes, const OpenOptions& options) {
  const InputForm& form = *checkpoint.form;
  const InputFile& file = checkpoint.shards[0];
  if (!form.begins(first_bytes))
    if (const std::string_view kind = kind_of(file, checkpoint.path, first_bytes); !kind.empty())
      throw Error(ErrorCode::malformed, "", sentence("not a safetensors or PyTorch file but ", kind));
  if (form.tensors_begin && form.tensors_begin(first_bytes, file.size()) && ends_as_zip(file))
    throw Error(ErrorCode::malformed, "", sentence(form.name, " in front and a zip archive behind"));
  form.open(checkpoint, options);
}

// To look at, a file that would run something is worth more than the reason why its tensors cannot be read.
void read_to_look(Checkpoint& checkpoint, std::span<const std::byte> first_bytes, const OpenOptions& options) {
  try {
    read_form(checkpoint, first_bytes, options);
  } catch (const Error& error) {
    const bool read = !checkpoint.globals.empty() && error.where() != checkpoint.globals.front().name;
    const auto unsafe = [](const PickleGlobal& global) { return global.danger == PickleDanger::unsafe; };
    if (!read || std::ranges::none_of(checkpoint.globals, unsafe)) throw;
    checkpoint.tensors = {};
    checkpoint.notes.push_back(sentence("its tensors cannot be read: ", error.what()));
  }
}

// What was never filled: a rank's placeholders, a model on torch's meta device.
void refuse_empty(const Checkpoint& checkpoint) {
  const TensorTable& tensors = checkpoint.tensors;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].count > 0) return;
  if (tensors.size() > 0)
    throw Error(
        ErrorCode::mismatch, "",
        sentence(tensors.size() == 1 ? "its only tensor is empty: a placeholder"
                                     : sentence("all of its ", tensors.size(), " tensors are empty: placeholders"),
                 ", as DeepSpeed's ZeRO stage 3 and FSDP leave them in one rank's file; save whole weights "
                 "(zero_to_fp32.py, full_state_dict=True)"));
}

// Under the names that a merge goes by, whatever form it is in.
void take_names(Checkpoint& checkpoint, const OpenOptions& options) {
  refuse_empty(checkpoint);
  if (!options.keep_names || options.ema != EmaPolicy::keep) take_average_names(checkpoint, options.ema);
  if (options.keep_names) return;
  take_off_training_wrappers(checkpoint);
  rename_old_text_encoder(checkpoint);
}

// Names of training and of old encoders are mended file by file, where they have no component in front.
Checkpoint open_folder(const std::string& path, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path = with_folder_name(path);
  checkpoint.form = &folder_form();
  const FolderContents contents = component_files(path);
  for (const ComponentFiles& files : contents.components)
    for (const std::string& file : files.paths)
      add_component(checkpoint, open_checkpoint(file, options), files.component);
  if (!checkpoint.tensors.sort_by_name().empty())
    throw Error(ErrorCode::malformed, path, path + ": two of its files have a tensor of the same name");
  for (const std::string& note : contents.notes) checkpoint.notes.push_back(note);
  if (options.as_stored)
    for (const std::string& lacking : contents.lacking) checkpoint.notes.push_back("has no weights of " + lacking);
  checkpoint.judgement = judge(checkpoint.tensors, checkpoint.metadata);
  return checkpoint;
}

}  // namespace

Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options) {
  if (is_folder_path(path)) return open_folder(path, options);
  return open_checkpoint(InputFile(path), path, options);
}

Checkpoint open_checkpoint(InputFile file, const std::string& path, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.shards.push_back(std::move(file));
  const std::vector<std::byte> first_bytes = first_bytes_of(checkpoint.shards[0]);
  checkpoint.form = &input_form(first_bytes);
  naming(path, [&] {
    if (options.as_stored) return read_to_look(checkpoint, first_bytes, options);
    read_form(checkpoint, first_bytes, options);
    take_names(checkpoint, options);
  });
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
