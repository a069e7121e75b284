// SPDX-License-Identifier: Apache-2.0
// A checkpoint: a tensor table over one or more shards, mapped or in memory, whatever form they are in. io/checkpoint
// opens it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/input_file.h"
#include "io/table/average_rows.h"
#include "io/table/judgement.h"
#include "io/table/metadata.h"
#include "io/table/pickle_global.h"
#include "io/table/tensor_dict.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

struct InputForm;    // a row of io/input_forms
struct ModelFolder;  // io/folder/model_folder

/// A tensor that cannot be read: sparse, on no device, of a dtype that safetensors lacks. Who needs it is stopped.
struct UnreadTensor {
  std::string name, why;  ///< why: "is complex128, which safetensors cannot hold"
};

/// A tensor for which a change of names had no place, or no rule.
struct UnplacedTensor {
  enum class Fate : uint8_t {
    left_out,   ///< it is not among the tensors any more
    carried,    ///< it is, under its own name, behind another prefix maybe
    discarded,  ///< it is not, as was asked
  };
  std::string name;  ///< of the file, but for changes before
  Fate fate = Fate::left_out;
};

/// "left_out", "carried", "discarded".
const char* name(UnplacedTensor::Fate fate);

/// What a method of whole tensors makes of other checkpoints, tensor by tensor, when somebody reads it (core/matrices).
struct MadeWhole {
  std::string term;  ///< which term of a recipe's graph it is (core/formula/whole_terms.h)
  std::function<uint64_t(uint32_t tensor)> memory = {};  ///< bytes that are held while it is made; computed anew
  bool is_whole = true;  ///< two tensors are held besides; else `memory` tells all that is held
};

struct Checkpoint {
  std::string path;  ///< as the user gave it; of one in memory, its name
  std::vector<InputFile> shards;
  /// Of `shards`, the last: they are other checkpoints', of which it has tensors (core/slices/sliced_inputs.h).
  uint32_t borrowed = 0;
  TensorTable tensors;  ///< sorted by name; Tensor::shard indexes `shards`
  Metadata metadata;
  bool has_metadata = false;
  uint64_t header_size = 0;                   ///< of the first shard; of a PyTorch file, its pickles
  const InputForm* form = nullptr;            ///< of every checkpoint that was opened
  std::shared_ptr<const ModelFolder> folder;  ///< that it was opened from; null: a file, or memory
  std::string key;                            ///< where in a PyTorch file the tensors are, with dots; empty: at the top
  std::vector<TensorDict> dicts;         ///< of a PyTorch file: all that it holds, those that were taken and the others
  std::vector<std::string> beside;       ///< what else it holds, and no output does: how it is reached, at most 1000
  bool average_taken = false;            ///< its tensors are an average of the weights, as EmaPolicy::use asks
  std::vector<UnreadTensor> unread;      ///< of a PyTorch file, in its order
  std::vector<PickleGlobal> globals;     ///< what its pickle names, in order
  std::vector<std::string> notes;        ///< what was done to read it, one clause each: names changed, values left out
  std::vector<std::string> equated;      ///< of those, what brought its names to another checkpoint's, for the recipe
  std::vector<UnplacedTensor> unplaced;  ///< by what its names were brought to, all of them
  std::vector<uint32_t> replacing;  ///< of an adapter: rows of tensors that take another's place, sorted; others add
  std::shared_ptr<const MadeWhole> made_whole = {};  ///< not null: no input, and it stands behind those that are
  Judgement judgement;  ///< whether its tensors are weights, or codes or factors, which a merge would turn into noise

  /// Those that are not borrowed: the checkpoint as it was opened.
  std::span<const InputFile> own_shards() const { return std::span(shards).first(shards.size() - borrowed); }
  uint64_t file_size() const;  ///< bytes of all its own shards
  /// Whether a program has its tensors in memory (io/memory), and there is no file that could be hashed or found again.
  bool lies_in_memory() const { return !shards.empty() && !shards.front().is_file(); }

  /// TensorTable::rename, of tensors that cannot be read as well. Returns a row of each that has a name twice.
  std::vector<size_t> rename(const std::function<std::string(std::string_view)>& new_name);
};

struct OpenOptions {
  std::string key = {};             ///< where in a PyTorch file the tensors are (dicts_at); empty: looked for
  bool allow_expanded = false;      ///< views may add up to any number of bytes
  EmaPolicy ema = EmaPolicy::keep;  ///< which of weights and average, where they lie apart, is taken
  bool as_stored = false;           ///< for looking only: old names stay, and files refused as unsafe are opened
  bool keep_names = false;          ///< wrappers of training and old names of text encoders stay
  bool mend = false;                ///< safetensors files with bytes behind their tensors, or NUL behind their header
  bool alone = false;               ///< one of several shards is read by itself, and does not stand for the whole
  bool from_unsafe = false;         ///< files whose pickle names something unsafe are read too: nothing of it is run
};

/// `checkpoints` without those that are made of others.
std::span<const Checkpoint> given_checkpoints(std::span<const Checkpoint> checkpoints);

/// Of all their files, so that an output can be told from its inputs.
std::vector<FileIdentity> identities(std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
