// SPDX-License-Identifier: Apache-2.0
#include "core/plan/tied_heads.h"

#include <algorithm>
#include <string_view>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// T5 is missing on purpose: where its head is tied, what goes into it is scaled, so that the embedding is another head.
struct TiedHead {
  std::string_view head, embedding;
};
constexpr TiedHead kTiedHeads[] = {
    {"lm_head.weight", "model.embed_tokens.weight"},  // Llama, Mistral, Qwen, Gemma, Phi and most others
    {"lm_head.weight", "model.language_model.embed_tokens.weight"},
    {"lm_head.weight", "language_model.model.embed_tokens.weight"},
    {"language_model.lm_head.weight", "language_model.model.embed_tokens.weight"},
    {"lm_head.weight", "model.decoder.embed_tokens.weight"},   // OPT
    {"lm_head.weight", "transformer.wte.weight"},              // GPT-2, GPT-J, Falcon's kin
    {"lm_head.weight", "transformer.word_embeddings.weight"},  // BLOOM, Falcon
    {"lm_head.weight", "backbone.embeddings.weight"},          // Mamba
    {"lm_head.weight", "backbone.embedding.weight"},
    {"embed_out.weight", "gpt_neox.embed_in.weight"},
    {"output.weight", "tok_embeddings.weight"},                   // Llama as its authors publish it
    {"output_layer.weight", "embedding.word_embeddings.weight"},  // Megatron
    {"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"},
};

size_t find(const Checkpoint& checkpoint, std::string_view name) { return checkpoint.tensors.find(name); }
bool has(const Checkpoint& checkpoint, std::string_view name) { return find(checkpoint, name) != TensorTable::npos; }

void untie(const Checkpoint& first, Checkpoint& other, const TiedHead& tied) {
  const size_t head = find(first, tied.head), row = find(other, tied.embedding);
  if (head == TensorTable::npos || row == TensorTable::npos || has(other, tied.head)) return;
  const Tensor embedding = other.tensors[row];
  if (!has(first, tied.embedding) || !std::ranges::equal(first.tensors[head].shape, embedding.shape)) return;
  // Its views would not outlive the table's growth.
  const std::vector<uint64_t> shape(embedding.shape.begin(), embedding.shape.end());
  const std::vector<uint64_t> strides(embedding.strides.begin(), embedding.strides.end());
  if (strides.empty())
    other.tensors.add(tied.head, embedding.dtype, shape, embedding.shard, embedding.offset, embedding.size,
                      embedding.count);
  else
    other.tensors.add_view(tied.head, embedding.dtype, shape, strides, embedding.shard, embedding.offset,
                           embedding.size, embedding.count);
  other.tensors.sort_by_name();
  other.notes.push_back(sentence("has no ", tied.head, ": its embedding, ", tied.embedding, ", counts as its head"));
}

}  // namespace

std::vector<std::string> untie_heads(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  std::vector<std::string> warnings;
  const size_t merged = merged_inputs(recipe, checkpoints.size());
  if (merged == 0) return warnings;
  const Checkpoint& first = checkpoints[0];
  for (size_t k = 1; k < merged; ++k)
    for (const TiedHead& tied : kTiedHeads) {
      Checkpoint& other = checkpoints[k];
      untie(first, other, tied);
      if (recipe.extra == ExtraPolicy::drop && !has(first, tied.head) && has(first, tied.embedding) &&
          has(other, tied.head) && has(other, tied.embedding))
        warnings.push_back(sentence(tied.head, " of ", other.path, " is not merged: in ", first.path,
                                    " the embedding is the head, and so it is in the result"));
    }
  return warnings;
}

}  // namespace ckmerge
