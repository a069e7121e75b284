// SPDX-License-Identifier: Apache-2.0
// A checkpoint: a tensor table over one or more mapped shards, whatever form they are in. Opening reads headers and
// pickles only, no tensor.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/file/input_file.h"
#include "io/safetensors/safetensors_header.h"
#include "io/table/tensor_table.h"
#include "io/torch/pickle_globals.h"

namespace ckmerge {

enum class FileForm : uint8_t {
  safetensors,
  torch_zip,     ///< torch.save since 1.6
  torch_stream,  ///< torch.save before
  pickle,        ///< a pickle of something else; opened as_stored only
};

/// "safetensors", "torch zip", "torch stream", "pickle".
const char* name(FileForm form);

struct Checkpoint {
  std::string path;  ///< as the user gave it
  std::vector<InputFile> shards;
  TensorTable tensors;  ///< sorted by name; Tensor::shard indexes `shards`
  Metadata metadata;
  bool has_metadata = false;
  uint64_t header_size = 0;  ///< of the first shard; of a PyTorch file, its pickles
  FileForm form = FileForm::safetensors;
  std::string key;                    ///< where in a PyTorch file the tensors are, with dots; empty: at the top
  std::vector<PickleGlobal> globals;  ///< what its pickle names, in order
  std::vector<std::string> notes;     ///< what was done to read it, one clause each: names changed, values left out
  std::string codes;  ///< what its tensors are codes of, which a merge would turn into noise; empty: they are numbers

  uint64_t file_size() const;  ///< bytes of all shards
};

struct OpenOptions {
  std::string key = {};         ///< where in a PyTorch file the tensors are; empty: looked for, ".": at the top
  bool allow_expanded = false;  ///< views may add up to any number of bytes
  bool as_stored = false;       ///< to look at only: old names stay, and what is unsafe elsewhere is opened
};

/// Opens a .safetensors file, or one of PyTorch (.ckpt, .pt, .pth, .bin), told apart by content. Nothing in a pickle is
/// run or resolved; one that would run code in Python is refused all the same. A file that is something else (a Git-LFS
/// pointer, an HTML page, a TorchScript program, ...) is refused with its real kind. Throws Error with the path in
/// front.
Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options = {});

/// Of all their files, so that an output can be told from its inputs.
std::vector<FileIdentity> identities(std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
