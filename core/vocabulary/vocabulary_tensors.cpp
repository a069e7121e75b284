// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/vocabulary_tensors.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace ckmerge {
namespace {

struct NamedTensor {
  std::string_view name;  // behind a dot, or whole
  size_t dimensions;
  bool embedding = false;  // by which the rows of a vocabulary are told; the first row that a checkpoint has counts
  size_t axis = 0;
};

constexpr NamedTensor kNamed[] = {
    {"embed_tokens.weight", 2, true},         // Llama, Mistral, Qwen, Gemma, Phi, OPT and most others
    {"shared.weight", 2, true},               // T5, BART
    {"wte.weight", 2, true},                  // GPT-2, GPT-J, MPT
    {"word_embeddings.weight", 2, true},      // BLOOM, Falcon, BERT, Megatron
    {"embed_in.weight", 2, true},             // GPT-NeoX
    {"tok_embeddings.weight", 2, true},       // Llama and Mistral as their authors publish them, ModernBERT
    {"token_embd.weight", 2, true},           // llama.cpp's names
    {"token_embedding.weight", 2, true},      // CLIP, Whisper's authors
    {"backbone.embeddings.weight", 2, true},  // Mamba
    {"backbone.embedding.weight", 2, true},
    {"rwkv.embeddings.weight", 2, true},
    {"transformer.embedding.weight", 2, true},
    {"lm_head.weight", 2},
    {"lm_head.bias", 1},
    {"lm_head.decoder.weight", 2},  // RoBERTa
    {"lm_head.decoder.bias", 1},
    {"embed_out.weight", 2},
    {"output_layer.weight", 2},
    {"output.weight", 2},
    {"head.weight", 2},                 // RWKV
    {"predictions.decoder.weight", 2},  // BERT
    {"predictions.decoder.bias", 1},
    {"predictions.bias", 1},
    {"vocab_projector.weight", 2},  // DistilBERT
    {"vocab_projector.bias", 1},
    {"decoder.weight", 2},  // ModernBERT
    {"decoder.bias", 1},
    {"final_logits_bias", 2, false, 1},  // BART
};

// The largest vocabularies have some 2^18 tokens.
constexpr uint64_t kMostRows = 1 << 24;

bool is_called(std::string_view name, std::string_view tail) {
  return name.ends_with(tail) && (name.size() == tail.size() || name[name.size() - tail.size() - 1] == '.');
}

const NamedTensor* named(const Tensor& tensor) {
  const auto* const found = std::ranges::find_if(kNamed, [&](const NamedTensor& row) {
    return tensor.shape.size() == row.dimensions && is_called(tensor.name, row.name) &&
           tensor.shape[row.axis] <= kMostRows && (row.axis == 0 || tensor.shape[0] == 1);
  });
  return found == std::end(kNamed) ? nullptr : found;
}

}  // namespace

std::optional<size_t> vocabulary_axis(const Tensor& tensor) {
  const NamedTensor* const row = named(tensor);
  return row ? std::optional(row->axis) : std::nullopt;
}

bool differ_in_rows_alone(const Tensor& tensor, const Tensor& other) {
  const std::optional<size_t> axis = vocabulary_axis(tensor);
  if (!axis || tensor.shape.size() != other.shape.size() || tensor.shape[*axis] == other.shape[*axis]) return false;
  for (size_t i = 0; i < tensor.shape.size(); ++i)
    if (i != *axis && tensor.shape[i] != other.shape[i]) return false;
  return true;
}

std::vector<size_t> vocabulary_tensors(const Checkpoint& checkpoint) {
  struct Found {
    size_t index;
    const NamedTensor* row;
  };
  std::vector<Found> all;
  const NamedTensor* first = nullptr;
  uint64_t rows = 0;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const Tensor tensor = checkpoint.tensors[i];
    const NamedTensor* const row = named(tensor);
    if (!row) continue;
    all.push_back({i, row});
    if (!row->embedding || (first && first <= row)) continue;
    first = row;
    rows = tensor.shape[row->axis];
  }
  std::vector<size_t> indices;
  for (const Found& found : all)
    if (first && checkpoint.tensors[found.index].shape[found.row->axis] == rows) indices.push_back(found.index);
  return indices;
}

}  // namespace ckmerge
