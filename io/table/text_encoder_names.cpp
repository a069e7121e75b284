// SPDX-License-Identifier: Apache-2.0
#include "io/table/text_encoder_names.h"

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kPrefix = "cond_stage_model.transformer.", kInserted = "text_model.";
constexpr std::string_view kOld[] = {"embeddings.", "encoder.", "final_layer_norm."};

bool is_old(std::string_view name) {
  if (!name.starts_with(kPrefix)) return false;
  for (const std::string_view old : kOld)
    if (name.substr(kPrefix.size()).starts_with(old)) return true;
  return false;
}

}  // namespace

void rename_old_text_encoder(Checkpoint& checkpoint) {
  TensorTable& tensors = checkpoint.tensors;
  size_t renamed = 0;
  for (size_t i = 0; i < tensors.size(); ++i) renamed += is_old(tensors[i].name);
  if (renamed == 0) return;
  const std::vector<size_t> repeated = tensors.rename([](std::string_view name) {
    return is_old(name) ? sentence(kPrefix, kInserted, name.substr(kPrefix.size())) : std::string(name);
  });
  if (!repeated.empty()) {
    const std::string name(tensors[repeated.front()].name);
    throw Error(ErrorCode::malformed, name,
                sentence("tensor '", name,
                         "' is there under its old name as well, without text_model.; discard one "
                         "of the two in the program that wrote the file"));
  }
  checkpoint.notes.push_back(sentence(renamed, renamed == 1 ? " tensor was" : " tensors were",
                                      " renamed: cond_stage_model.transformer.* is now "
                                      "cond_stage_model.transformer.text_model.*"));
}

}  // namespace ckmerge
