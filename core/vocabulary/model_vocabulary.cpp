// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/model_vocabulary.h"

#include <utility>

#include "core/vocabulary/special_ids.h"
#include "core/vocabulary/tokenizer_files.h"
#include "core/vocabulary/vocabulary_tensors.h"
#include "core/vocabulary/written_tokenizer.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

uint64_t rows_of(const Checkpoint& checkpoint) {
  const std::vector<size_t> tensors = vocabulary_tensors(checkpoint);
  return tensors.empty() ? 0 : vocabulary_rows(checkpoint.tensors[tensors[0]]);
}

class Vocabularies {
 public:
  Vocabularies(const VocabularyRequest& request, std::span<const Checkpoint> checkpoints, VocabularyChanges& changes)
      : request_(request), checkpoints_(checkpoints), changes_(changes) {}

  ModelVocabularies make() {
    for (const Checkpoint& checkpoint : checkpoints_) read(checkpoint);
    switch (request_.kind) {
      case VocabularyRequest::Kind::base:
      case VocabularyRequest::Kind::united: make_of_base(); break;
      case VocabularyRequest::Kind::input:
        if (request_.input >= checkpoints_.size())
          throw Error(ErrorCode::usage, "tokenizer",
                      sentence("there is no input ", request_.input, " to take tokens of"));
        if (request_.input == 0)
          make_of_own();
        else
          make_of(out_.folders[request_.input], checkpoints_[request_.input].path);
        break;
      case VocabularyRequest::Kind::folder: make_of(request_.folder, request_.folder); break;
    }
    if (out_.result.end == 0)
      throw Error(ErrorCode::mismatch, "tokenizer",
                  "the vocabulary of the result has no token; take another tokenizer");
    return std::move(out_);
  }

 private:
  void read(const Checkpoint& checkpoint) {
    const std::optional<std::string> folder = folder_of(checkpoint);
    out_.folders.push_back(folder.value_or(""));
    std::optional<std::string> text = folder ? tokenizer_text_in(*folder) : std::nullopt;
    if (text) {
      out_.models.push_back(tokens_in(*text, *folder));
      if (out_.models.size() == 1) base_text_ = std::move(*text);
      return;
    }
    const std::string why = folder ? "has no tokenizer.json" : "is a file, and the tokenizer lies in a model's folder";
    const bool is_like_base = !out_.models.empty() && rows_of(checkpoint) == rows_of(checkpoints_[0]);
    if (!is_like_base)
      throw Error(ErrorCode::mismatch, checkpoint.path,
                  sentence(checkpoint.path, ": ", why,
                           ", so that its tokens cannot be told; give the folder of the "
                           "model with its tokenizer"));
    out_.models.push_back(out_.models[0]);
    out_.warnings.push_back(sentence(checkpoint.path, ": ", why, "; its tokens are taken for those of ",
                                     checkpoints_[0].path, ", which has as many rows"));
  }

  ModelTokens tokens_in(const std::string& text, const std::string& folder) {
    try {
      ModelTokens tokens = read_tokens(text, out_.texts);
      if (!tokens.moved.empty())
        out_.warnings.push_back(sentence(folder, "/tokenizer.json: its ids have gaps: ", tokens.moved,
                                         " by the tokenizers library, which is the row that counts"));
      return tokens;
    } catch (const Error& error) {
      throw Error(error.code(), folder, sentence(folder, "/tokenizer.json: is no tokenizer: ", error.what()));
    }
  }

  void make_of_base() {
    const ModelTokens& base = out_.models[0];
    out_.result = base;
    const uint64_t rows = rows_of(checkpoints_[0]);
    const size_t unused = leave_out_unused(out_.result, rows);
    if (unused > 0)
      out_.warnings.push_back(sentence(counted(unused, "token"), " of ", checkpoints_[0].path, " ",
                                       unused == 1 ? "has" : "have", " no row in its embedding and ",
                                       unused == 1 ? "is" : "are", " left out"));
    if (request_.kind == VocabularyRequest::Kind::united) unite();
    add_asked();
    const bool is_changed = unused > 0 || out_.result.added.size() != base.added.size();
    if (is_changed)
      follow_tokens(out_.folders[0], base, out_.result, written_tokenizer(base_text_, out_.result, rows), unused > 0,
                    changes_);
  }

  void unite() {
    std::vector<ModelTokens> used(out_.models.begin() + 1, out_.models.end());
    std::vector<const ModelTokens*> others;
    for (size_t k = 0; k < used.size(); ++k) {
      leave_out_unused(used[k], rows_of(checkpoints_[k + 1]));
      others.push_back(&used[k]);
    }
    const size_t words = unite_tokens(out_.result, others, out_.texts);
    if (words > 0)
      out_.warnings.push_back(
          sentence(counted(words, "token"), " that ", checkpoints_[0].path, " lacks ", words == 1 ? "is" : "are",
                   " added as mergekit does it, as ", words == 1 ? "a text that is" : "texts that are",
                   " found before words are cut, not as parts of words: a tokenizer cannot be trained twice"));
  }

  void make_of_own() {
    out_.result = out_.models[0];
    add_asked();
    if (out_.result.added.size() != out_.models[0].added.size())
      follow_tokens(out_.folders[0], out_.models[0], out_.result,
                    written_tokenizer(base_text_, out_.result, UINT64_MAX), false, changes_);
  }

  void make_of(const std::string& folder, const std::string& path) {
    const std::optional<std::string> text = folder.empty() ? std::nullopt : tokenizer_text_in(folder);
    if (!text)
      throw Error(ErrorCode::mismatch, path, sentence(path, ": has no tokenizer.json; name a folder that has one"));
    ModelTokens before = tokens_in(*text, folder);
    out_.result = before;
    add_asked();
    take_files(folder, out_.folders[0], changes_);
    if (out_.result.added.size() != before.added.size())
      follow_tokens(folder, before, out_.result, written_tokenizer(*text, out_.result, UINT64_MAX), false, changes_);
    follow_special_ids(folder, out_.folders[0], changes_);
  }

  void add_asked() {
    for (const auto& [token, source] : request_.tokens) add_token(out_.result, token, out_.texts);
  }

  const VocabularyRequest& request_;
  std::span<const Checkpoint> checkpoints_;
  VocabularyChanges& changes_;
  ModelVocabularies out_;
  std::string base_text_;
};

}  // namespace

ModelVocabularies vocabularies_of(const VocabularyRequest& request, std::span<const Checkpoint> checkpoints,
                                  VocabularyChanges& changes) {
  return Vocabularies(request, checkpoints, changes).make();
}

}  // namespace ckmerge
