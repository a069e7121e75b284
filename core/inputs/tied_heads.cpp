// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/tied_heads.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// T5 is missing on purpose: where its head is tied, what goes into it is scaled, so that the embedding is another head.
struct TiedHead {
  std::string_view head, embedding;
  std::string_view headless =
      {};  // the embedding as the class without a head saves it, of models that need not be tied
};
constexpr TiedHead kTiedHeads[] = {
    // Llama, Mistral, Qwen, Gemma, Phi and most others
    {"lm_head.weight", "model.embed_tokens.weight", "embed_tokens.weight"},
    {"lm_head.weight", "model.language_model.embed_tokens.weight", "language_model.embed_tokens.weight"},
    {"lm_head.weight", "language_model.model.embed_tokens.weight"},
    {"language_model.lm_head.weight", "language_model.model.embed_tokens.weight"},
    {"lm_head.weight", "model.decoder.embed_tokens.weight"},   // OPT
    {"lm_head.weight", "transformer.wte.weight"},              // GPT-2, GPT-J, Falcon's kin
    {"lm_head.weight", "transformer.word_embeddings.weight"},  // BLOOM, Falcon
    {"lm_head.weight", "backbone.embeddings.weight"},          // Mamba
    {"lm_head.weight", "backbone.embedding.weight"},
    {"embed_out.weight", "gpt_neox.embed_in.weight", "embed_in.weight"},
    {"output.weight", "tok_embeddings.weight"},                   // Llama as its authors publish it
    {"output_layer.weight", "embedding.word_embeddings.weight"},  // Megatron
    {"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"},
};

// What goes into either half of T5 and BART. As a text encoder T5 has the one half.
constexpr TiedHead kTiedEmbeddings[] = {
    {"encoder.embed_tokens.weight", "shared.weight"},
    {"decoder.embed_tokens.weight", "shared.weight"},
    {"model.encoder.embed_tokens.weight", "model.shared.weight"},
    {"model.decoder.embed_tokens.weight", "model.shared.weight"},
    {"text_encoders.t5xxl.transformer.encoder.embed_tokens.weight", "text_encoders.t5xxl.transformer.shared.weight"},
};

size_t find(const Checkpoint& checkpoint, std::string_view name) { return checkpoint.tensors.find(name); }
// Vocabularies may be of unlike size: whether that is refused is decided later, of embedding and head alike.
bool fit(Shape head, Shape embedding) {
  return head.size() == embedding.size() && !head.empty() && std::ranges::equal(head.subspan(1), embedding.subspan(1));
}

bool has(const Checkpoint& checkpoint, std::string_view name) { return find(checkpoint, name) != TensorTable::npos; }

// What takes the place of tensors that a checkpoint leaves out.
class Untied {
 public:
  Untied(const Checkpoint& first, Checkpoint& other) : first_(first), other_(other) {}

  void offer(const TiedHead& tied, std::string note, bool leaves_head = false) {
    const size_t head = find(first_, tied.head), row = find(other_, tied.embedding);
    if (head == TensorTable::npos || row == TensorTable::npos || has(other_, tied.head)) return;
    if (!has(first_, tied.embedding)) return;
    if (!fit(first_.tensors[head].shape, other_.tensors[row].shape)) return;
    if (leaves_head) {
      other_.notes.push_back(
          sentence("is of a class without ", tied.head, ", as its names say: A's head stays as it is"));
      return;
    }
    if (rows_.emplace(tied.head, row).second) other_.notes.push_back(std::move(note));
  }

  void add() {
    if (rows_.empty()) return;
    for (const auto& [name, row] : rows_) other_.tensors.add_again(name, other_.tensors, row);
    other_.tensors.sort_by_name();
    // They are there now, whatever the metadata says.
    std::erase_if(other_.metadata, [&](const auto& field) { return rows_.contains(field.first); });
  }

 private:
  const Checkpoint& first_;
  Checkpoint& other_;
  std::map<std::string_view, size_t> rows_;  // what each is, in the table of the other
};

// safetensors' save_model writes one of several equal tensors, and a field for each other: its name, and whose it is.
void untie(const Checkpoint& first, Checkpoint& other, bool without_head) {
  const Metadata fields = other.metadata;  // of which names are kept until they are added
  Untied untied(first, other);
  for (const auto& [left_out, kept] : fields)
    untied.offer({left_out, kept},
                 sentence("has no ", left_out, ", which is ", kept, " by its metadata, and counts as that"));
  for (const TiedHead& tied : kTiedEmbeddings)
    untied.offer(tied, sentence("has no ", tied.head, ", which is ", tied.embedding, ", and counts as that"));
  for (const TiedHead& tied : kTiedHeads)
    untied.offer(tied, sentence("has no ", tied.head, ": its embedding, ", tied.embedding, ", counts as its head"),
                 without_head && !tied.headless.empty());
  untied.add();
}

}  // namespace

HeadNames head_among(const std::function<bool(std::string_view)>& has) {
  HeadNames found;
  for (const TiedHead& tied : kTiedHeads) {
    if (!has(tied.embedding)) continue;
    if (has(tied.head)) return {Head::own, tied.head, tied.embedding};
    found = {Head::tied, tied.head, tied.embedding};
  }
  return found;
}

std::vector<bool> without_head(const std::vector<Checkpoint>& checkpoints) {
  std::vector<bool> out;
  out.reserve(checkpoints.size());
  for (const Checkpoint& checkpoint : checkpoints)
    out.push_back(std::ranges::any_of(kTiedHeads, [&](const TiedHead& tied) {
      return !tied.headless.empty() && has(checkpoint, tied.headless) && !has(checkpoint, tied.head);
    }));
  return out;
}

std::vector<std::string> untie_heads(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                     const std::vector<bool>& without_head) {
  const auto lacks_head = [&](size_t k) { return k < without_head.size() && without_head[k]; };
  std::vector<std::string> warnings;
  const size_t merged = given_inputs(recipe, checkpoints.size());
  if (merged == 0) return warnings;
  // The result has a head of its own then, to which A's embedding belongs as much.
  if (recipe.extra == ExtraPolicy::add)
    for (size_t k = 1; k < merged; ++k) untie(checkpoints[k], checkpoints[0], lacks_head(0));
  const Checkpoint& first = checkpoints[0];
  for (size_t k = 1; k < merged; ++k) {
    Checkpoint& other = checkpoints[k];
    untie(first, other, lacks_head(k));
    for (const TiedHead& tied : kTiedHeads)
      if (recipe.extra == ExtraPolicy::drop && !has(first, tied.head) && has(first, tied.embedding) &&
          has(other, tied.head) && has(other, tied.embedding))
        warnings.push_back(sentence(tied.head, " of ", other.path, " is not merged: in ", first.path,
                                    " the embedding is the head, and so it is in the result"));
  }
  return warnings;
}

}  // namespace ckmerge
