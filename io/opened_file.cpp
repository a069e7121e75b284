// SPDX-License-Identifier: Apache-2.0
#include "io/opened_file.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "io/file_kind.h"
#include "io/input_forms.h"
#include "io/table/average_names.h"
#include "io/table/text_encoder_names.h"
#include "io/table/training_wrappers.h"
#include "io/torch/zip_end.h"

namespace ckmerge {
namespace {

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

}  // namespace

Checkpoint read_file(InputFile file, const std::string& path, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.shards.push_back(std::move(file));
  const std::vector<std::byte> first_bytes = first_bytes_of(checkpoint.shards[0]);
  checkpoint.form = &input_form(first_bytes);
  naming(path, [&] {
    if (options.as_stored) return read_to_look(checkpoint, first_bytes, options);
    read_form(checkpoint, first_bytes, options);
  });
  return checkpoint;
}

void take_names(Checkpoint& checkpoint, const OpenOptions& options) {
  refuse_empty(checkpoint);
  if (!options.keep_names || options.ema != EmaPolicy::keep) take_average_names(checkpoint, options.ema);
  if (options.keep_names) return;
  take_off_training_wrappers(checkpoint);
  rename_old_text_encoder(checkpoint);
}

}  // namespace ckmerge
