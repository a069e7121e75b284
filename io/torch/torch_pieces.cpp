// SPDX-License-Identifier: Apache-2.0
#include "io/torch/torch_pieces.h"

#include <algorithm>
#include <unordered_map>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"
#include "io/torch/torch_tensor.h"

namespace ckmerge {
namespace {

constexpr std::string_view kPieces[] = {"DTensor", "ShardedTensor"};

// A class, a bound method of it, or what either was called with: no deeper than torch nests them.
std::string_view named_piece(const PickleValues& values, PickleRef value, int levels) {
  if (values.kind(value) == PickleKind::global) {
    if (!values.text(values.global_module(value)).starts_with("torch.distributed")) return "";
    const auto found = std::ranges::find(kPieces, values.text(values.global_name(value)));
    return found == std::end(kPieces) ? std::string_view() : *found;
  }
  if (values.kind(value) != PickleKind::call || levels == 0) return "";
  if (const std::string_view found = named_piece(values, values.called(value), levels - 1); !found.empty())
    return found;
  for (const PickleRef argument :
       values.tuple(values.arguments(value)).first(std::min<size_t>(2, values.tuple(values.arguments(value)).size())))
    if (const std::string_view found = named_piece(values, argument, levels - 1); !found.empty()) return found;
  return "";
}

using Shapes = std::unordered_map<std::string_view, PickleRef>;

// DeepSpeed's param_shapes: a list of dicts, one a group, of torch.Size.
void read_shapes(const PickleValues& values, PickleRef found, Shapes& shapes) {
  if (found == PickleValues::kNone) return;
  if (values.kind(found) == PickleKind::list)
    values.for_each_item(found, [&](PickleRef group) {
      if (values.kind(group) == PickleKind::dict) read_shapes(values, group, shapes);
    });
  if (values.kind(found) != PickleKind::dict) return;
  values.for_each_member(found, [&](PickleRef key, PickleRef shape) {
    if (values.kind(key) == PickleKind::text) shapes.emplace(values.text(key), shape);
  });
}

std::vector<uint64_t> numbers_of(const PickleValues& values, PickleRef shape) {
  std::vector<uint64_t> numbers;
  while (values.kind(shape) == PickleKind::call && values.tuple(values.arguments(shape)).size() == 1)
    shape = values.tuple(values.arguments(shape))[0];
  const auto take = [&](PickleRef item) {
    if (values.kind(item) == PickleKind::integer) numbers.push_back(static_cast<uint64_t>(values.integer(item)));
  };
  if (values.kind(shape) == PickleKind::tuple) std::ranges::for_each(values.tuple(shape), take);
  if (values.kind(shape) == PickleKind::list) values.for_each_item(shape, take);
  return numbers;
}

std::string to_text(std::span<const uint64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

class PlaceholderCount {
 public:
  PlaceholderCount(const PickleValues& values, PickleRef top) : values_(values) {
    read_shapes(values, values.member(top, "param_shapes"), shapes_);
    read_shapes(values, values.member(top, "frozen_param_shapes"), shapes_);
    const PickleRef version = values.member(top, "ds_version");
    deepspeed_ = !shapes_.empty() || version != PickleValues::kNone;
  }

  bool is_of_deepspeed() const { return deepspeed_; }

  void look_at(PickleRef key, PickleRef value) try {
    if (values_.kind(key) != PickleKind::text || !is_tensor(values_, value)) return;
    ++tensors_;
    read_tensor(values_, value, tensor_);
    const auto said = shapes_.find(values_.text(key));
    const bool empty = tensor_.shape.size() == 1 && tensor_.count == 0;
    if (said == shapes_.end() ? !empty : std::ranges::equal(numbers_of(values_, said->second), tensor_.shape)) return;
    const bool first_certain = said != shapes_.end() && !certain_;
    certain_ |= first_certain;
    if (placeholders_++ > 0 && !first_certain) return;
    const std::string name = valid_utf8(values_.text(key).substr(0, 200));
    example_ = said == shapes_.end() ? sentence(name, " is empty")
                                     : sentence(name, " is ", to_text(tensor_.shape), ", its shape ",
                                                to_text(numbers_of(values_, said->second)));
  } catch (const Error&) {
    // Said of it when its tensor is read.
  }

  std::string sentence_of_all() const {
    // A tensor may well be empty: only the other shape says for certain that it is a placeholder.
    if (placeholders_ == 0 || (!certain_ && (!shapes_.empty() || 2 * placeholders_ < tensors_))) return "";
    return sentence("one rank's file of DeepSpeed's ZeRO stage 3: ", placeholders_, " of its ",
                    counted(tensors_, "tensor"), placeholders_ == 1 ? " is a placeholder (" : " are placeholders (",
                    example_,
                    "), and the weights lie in the optim_states files of all ranks; zero_to_fp32.py beside "
                    "the checkpoint's folder makes whole weights of them");
  }

 private:
  const PickleValues& values_;
  Shapes shapes_;
  bool deepspeed_ = false, certain_ = false;
  uint64_t tensors_ = 0, placeholders_ = 0;
  std::string example_;
  TorchTensor tensor_;
};

}  // namespace

std::string_view piece_kind(const PickleValues& values, PickleRef value) {
  constexpr int kLevels = 4;
  return named_piece(values, value, kLevels);
}

std::string piece_sentence(std::string_view kind) {
  return sentence("is a ", kind,
                  ", one rank's part of a tensor; save whole ones on one rank, with get_model_state_dict(model, "
                  "options=StateDictOptions(full_state_dict=True))");
}

void refuse_piece(const PickleValues& values, std::string_view name, PickleRef value) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  std::string said;
  if (last == "_flat_param" || last == "flat_param") {
    said = piece_sentence("flattened parameter of FSDP");
  } else if (values.kind(value) == PickleKind::call && !is_tensor(values, value)) {
    if (const std::string_view kind = piece_kind(values, value); !kind.empty()) said = piece_sentence(kind);
  }
  if (said.empty()) return;
  const std::string shown = valid_utf8(name.substr(0, 200));
  throw Error(ErrorCode::mismatch, shown, sentence("tensor '", shown, "': ", said));
}

void refuse_placeholders(const PickleValues& values, PickleRef top, std::span<const StateDict> taken,
                         const OpenOptions& options, Checkpoint& checkpoint) {
  if (taken.empty() || taken[0].dict == top || values.kind(top) != PickleKind::dict) return;
  PlaceholderCount count(values, top);
  if (!count.is_of_deepspeed()) return;
  for (const StateDict& dict : taken)
    values.for_each_member(dict.dict, [&](PickleRef key, PickleRef value) { count.look_at(key, value); });
  const std::string said = count.sentence_of_all();
  if (said.empty()) return;
  if (!options.as_stored) throw Error(ErrorCode::mismatch, "", said);
  checkpoint.notes.push_back(said);
}

}  // namespace ckmerge
