// SPDX-License-Identifier: Apache-2.0
#include "io/torch/torch_table.h"

#include <algorithm>
#include <unordered_set>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"
#include "io/torch/dict_choice.h"
#include "io/torch/dict_notes.h"
#include "io/torch/judged_names.h"
#include "io/torch/state_dict.h"
#include "io/torch/torch_pieces.h"

namespace ckmerge {
namespace {

// An expanded view has any number of elements and no bytes: a small file could fill any disk.
constexpr uint64_t kAlwaysAllowed = 1ull << 30;

constexpr size_t kLongestShown = 200;

std::string shown(std::string_view text) { return valid_utf8(text.substr(0, kLongestShown)); }

void note_unknown(Checkpoint& checkpoint) {
  size_t count = 0;
  const PickleGlobal* first = nullptr;
  for (const PickleGlobal& global : checkpoint.globals)
    if (global.danger == PickleDanger::unknown && count++ == 0) first = &global;
  if (count > 0)
    checkpoint.notes.push_back(sentence(count, count == 1 ? " class or function is" : " classes or functions are",
                                        " not known to be harmless in Python: ", first->name,
                                        count > 1 ? ", ... (ckmerge inspect lists them)" : ""));
}

constexpr const char* kArraysOnly =
    "a PyTorch file that holds NumPy arrays and no tensor; load it in Python, make tensors of them (torch.from_numpy) "
    "and "
    "save those";

bool holds_arrays_only(const std::vector<PickleGlobal>& globals) {
  const auto named = [&](std::string_view beginning, std::string_view end) {
    return std::ranges::any_of(globals, [&](const PickleGlobal& global) {
      return global.name.starts_with(beginning) && global.name.ends_with(end);
    });
  };
  return named("numpy.", "multiarray._reconstruct") && !named("torch._utils._rebuild", "");
}

class TableFiller {
 public:
  TableFiller(const PickleValues& values, const LocateStorage& locate, const OpenOptions& options,
              Checkpoint& checkpoint)
      : values_(values), locate_(locate), options_(options), checkpoint_(checkpoint) {}

  void add(PickleRef key, PickleRef value) {
    const bool named = values_.kind(key) == PickleKind::text && is_utf8(values_.text(key));
    if (named) refuse_piece(values_, values_.text(key), value);
    if (!is_tensor(values_, value)) {
      if (named && is_packed(values_.text(key), value)) note_packed(values_.text(key));
      return ignore(key, value);
    }
    if (!named) throw Error(ErrorCode::malformed, "", "the name of a tensor is not a text in UTF-8");
    const std::string_view name = values_.text(key);
    if (seen_.size() <= key) seen_.resize(std::max<size_t>(key + 1, 2 * seen_.size()));
    if (seen_[key]) fail_repeated(name);
    seen_[key] = true;
    try {
      read_tensor(values_, value, tensor_);
      if (!tensor_.type->dtype)
        throw Error(ErrorCode::mismatch, "", sentence("is ", tensor_.type->name, ", which safetensors cannot hold"));
      add_tensor(name);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::mismatch) return leave_unread(name, error.what());
      throw Error(error.code(), shown(name), sentence("tensor '", shown(name), "': ", error.what()));
    }
  }

  void finish() {
    if (checkpoint_.judgement.holds == Holds::codes && !options_.as_stored)
      throw Error(ErrorCode::mismatch, "",
                  sentence("is quantized, ", checkpoint_.judgement.text(),
                           "; such weights are no tensors and would be left out: take the f16, bf16 or f32 original"));
    const std::vector<size_t> repeated = checkpoint_.tensors.sort_by_name();
    if (!repeated.empty()) fail_repeated(checkpoint_.tensors[repeated.front()].name);
    if (ignored_ > 0)
      checkpoint_.notes.push_back(sentence(ignored_, ignored_ == 1 ? " value that is" : " values that are",
                                           " no tensor ", ignored_ == 1 ? "was" : "were", " left out: ", examples_,
                                           ignored_ > kExamples ? ", ..." : ""));
  }

 private:
  static constexpr uint64_t kExamples = 20;

  [[noreturn]] static void fail_repeated(std::string_view name) {
    throw Error(ErrorCode::malformed, shown(name), sentence("tensor '", shown(name), "': the name is there twice"));
  }

  // It stops whoever needs it. A file may have any number of them, whose names are copied.
  void leave_unread(std::string_view name, const std::string& why) {
    copied_ += name.size() + kDimension * (tensor_.shape.size() + tensor_.strides.size());
    if (copied_ > values_.size()) throw Error(ErrorCode::malformed, "", "names add up to more than the pickle holds");
    checkpoint_.unread.push_back({std::string(name), why});
  }

  void add_tensor(std::string_view name) {
    const Dtype dtype = *tensor_.type->dtype;
    const uint64_t item = tensor_.type->size;
    const uint64_t in_item = item * 8 / info(dtype).bits;  // elements, as we count them
    uint64_t size = 0;
    if (__builtin_mul_overflow(tensor_.count / in_item, item, &size) || __builtin_add_overflow(total_, size, &total_) ||
        (total_ > std::max(kAlwaysAllowed, 2 * checkpoint_.file_size()) && !options_.allow_expanded &&
         !options_.as_stored))
      throw Error(ErrorCode::malformed, "",
                  "views of the file's storages add up to more than twice the file; take it if it is meant "
                  "(--allow-expanded)");
    copied_ += name.size() + kDimension * (std::max(tensor_.shape.size(), kFewDimensions) - kFewDimensions);
    if (copied_ > values_.size())
      throw Error(ErrorCode::malformed, "", "names and shapes add up to more than the pickle holds");
    const uint64_t offset = locate_(tensor_.storage) + tensor_.storage.view_begin + tensor_.offset * item;
    if (in_item > 1 || lies_in_order(tensor_))
      checkpoint_.tensors.add(name, dtype, tensor_.shape, 0, offset, size, tensor_.count);
    else
      checkpoint_.tensors.add_view(name, dtype, tensor_.shape, tensor_.strides, 0, offset, size, tensor_.count);
  }

  // torch's quantized modules keep weight and bias of a layer in a tuple, those of a recurrent one in a list of them.
  bool is_packed(std::string_view name, PickleRef value) const {
    const PickleKind kind = values_.kind(value);
    if (kind != PickleKind::tuple && kind != PickleKind::list && kind != PickleKind::call) return false;
    return name.ends_with("_packed_params") || name.find("_all_weight_values") != name.npos;
  }

  void note_packed(std::string_view name) {
    if (checkpoint_.judgement.holds == Holds::codes) return;
    checkpoint_.judgement = {.holds = Holds::codes,
                             .kind = "torch's quantized modules",
                             .evidence = sentence(shown(name), " holds packed weights")};
  }

  // A training run's counters, for the most part.
  void ignore(PickleRef key, PickleRef value) {
    constexpr uint64_t kMostBeside = 1000;
    if (++ignored_ > kMostBeside) return;
    const std::string name = values_.kind(key) == PickleKind::text ? shown(values_.text(key)) : "a key that is no text";
    checkpoint_.beside.push_back(name);
    if (ignored_ > kExamples) return;
    if (!examples_.empty()) examples_ += ", ";
    examples_ += name + " (" + description(values_, value) + ")";
  }

  const PickleValues& values_;
  const LocateStorage& locate_;
  const OpenOptions& options_;
  Checkpoint& checkpoint_;
  TorchTensor tensor_;
  uint64_t total_ = 0;  // bytes of all tensors
  // Names, and dimensions beyond those that every row has room for, of which each takes two bytes in a pickle: it may
  // refer to a long one often.
  static constexpr size_t kDimension = 2, kFewDimensions = 8;
  uint64_t copied_ = 0;     // bytes
  std::vector<bool> seen_;  // keys, by number
  uint64_t ignored_ = 0;
  std::string examples_;
};

// What safetensors has in its header, ckmerge's own .ckpt (io/torch/torch_pickle) has as an attribute of the dict:
// `__metadata__`, texts by name. Whatever else goes by that name is left out. A text may be named any number of times,
// but copies are no more than the pickle is long.
bool read_metadata(const PickleValues& values, PickleRef found, Metadata& metadata) {
  if (values.kind(found) != PickleKind::dict) return false;
  constexpr uint64_t kTextOpcode = 5;  // bytes of a pickle in front of a text
  uint64_t size = 0;
  bool texts = true;
  const auto text = [&](PickleRef ref) {
    if (values.kind(ref) != PickleKind::text || !is_utf8(values.text(ref))) return false;
    return (size += kTextOpcode + values.text(ref).size()) <= values.size();
  };
  values.while_members(found, [&](PickleRef key, PickleRef value) {
    texts = text(key) && text(value);
    if (texts) metadata.emplace_back(values.text(key), values.text(value));
    return texts;
  });
  keep_last_of_equal_keys(metadata);
  return texts;
}

void fill_metadata(const PickleValues& values, PickleRef dict, Checkpoint& checkpoint) {
  const PickleRef attributes = values.state(dict);
  if (attributes == PickleValues::kNone || values.kind(attributes) != PickleKind::dict) return;
  const PickleRef found = values.member(attributes, "__metadata__");
  if (found == PickleValues::kNone) return;
  checkpoint.has_metadata = read_metadata(values, found, checkpoint.metadata);
  if (checkpoint.has_metadata) return;
  checkpoint.metadata.clear();
  checkpoint.notes.push_back("its __metadata__ is not a table of texts in UTF-8 and was left out");
}

bool is_buffer_member(const PickleValues& values, PickleRef key, PickleRef value, TorchTensor& room) {
  if (values.kind(key) != PickleKind::text || !is_tensor(values, value)) return false;
  if (is_buffer(values.text(key), std::nullopt)) return true;
  try {
    read_tensor(values, value, room);
    return is_buffer(values.text(key), room.type->dtype);
  } catch (const Error&) {
    return false;  // said of it when its turn comes
  }
}

// The members of `dict`; where `buffers` is given, its running statistics and integers in place of those of `dict`.
template <typename Each>
void for_each_chosen(const PickleValues& values, PickleRef dict, PickleRef buffers, const Each& each) {
  if (buffers == PickleValues::kNone) return values.for_each_member(dict, each);
  std::unordered_set<std::string_view> names;
  TorchTensor room;
  values.for_each_member(buffers, [&](PickleRef key, PickleRef value) {
    if (!is_buffer_member(values, key, value, room)) return;
    names.insert(values.text(key));
    each(key, value);
  });
  values.for_each_member(dict, [&](PickleRef key, PickleRef value) {
    if (values.kind(key) != PickleKind::text || !names.contains(values.text(key))) each(key, value);
  });
}

void fill(const PickleValues& values, PickleRef top, const LocateStorage& locate, const OpenOptions& options,
          Checkpoint& checkpoint) {
  DictChoice choice;
  try {
    choice = choose_dicts(values, top, options, checkpoint);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::usage || !checkpoint.dicts.empty()) throw;
    const bool arrays = holds_arrays_only(checkpoint.globals);
    if (!options.as_stored && arrays) throw Error(ErrorCode::malformed, "", kArraysOnly, error.details());
    if (!options.as_stored) throw;
    checkpoint.notes.push_back(safe_advice(arrays ? kArraysOnly : error.what(), checkpoint.globals));
    checkpoint.notes.insert(checkpoint.notes.end(), error.details().begin(), error.details().end());
    return note_unknown(checkpoint);
  }
  refuse_placeholders(values, top, choice.taken, options, checkpoint);
  TableFiller filler(values, locate, options, checkpoint);
  for (const StateDict& dict : choice.taken)
    for_each_chosen(values, dict.dict, choice.buffers, [&](PickleRef key, PickleRef value) { filler.add(key, value); });
  filler.finish();
  note_masters(values, top, choice.taken.front().dict, checkpoint);
  fill_metadata(values, choice.taken.front().dict, checkpoint);
  note_unknown(checkpoint);
}

}  // namespace

void fill_from_pickle(const PickleValues& values, PickleRef top, const LocateStorage& locate,
                      const OpenOptions& options, Checkpoint& checkpoint) {
  try {
    fill(values, top, locate, options, checkpoint);
  } catch (const Error& error) {
    throw Error(error.code(), error.where(), safe_advice(error.what(), checkpoint.globals), error.details());
  }
}

}  // namespace ckmerge
