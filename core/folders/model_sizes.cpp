// SPDX-License-Identifier: Apache-2.0
#include "core/folders/model_sizes.h"

#include <array>
#include <optional>

#include "core/folders/layer_fields.h"
#include "core/inputs/tied_heads.h"
#include "core/names/layer_runs.h"
#include "io/text/json_members.h"
#include "io/text/python_json.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// How wide a model is, as configs of transformers call it; "dim" is Mistral's.
constexpr auto kWidths = std::to_array<std::string_view>({"hidden_size", "n_embd", "d_model", "dim"});

class Comparison {
 public:
  explicit Comparison(JsonValue& config) : config_(config) {}

  void expect(std::string_view key, uint64_t size) {
    const JsonValue* const field = find_member(config_, key);
    if (!field || field->kind != JsonValue::Kind::number || field->text == std::to_string(size)) return;
    unlike_.push_back(sentence(key, " is ", field->text, " there, and ", size, " by the result's tensors"));
  }

  std::vector<std::string> take_unlike() { return std::move(unlike_); }

 private:
  JsonValue& config_;
  std::vector<std::string> unlike_;
};

}  // namespace

std::vector<std::string> unlike_sizes(std::string_view text, const TensorTable& tensors, const ModelChanges& changes) {
  JsonValue whole = parse_python_json(text);
  JsonValue& config = language_config(whole);
  Comparison comparison(config);
  const auto has = [&](std::string_view name) { return tensors.find(name) != TensorTable::npos; };
  if (const HeadNames names = head_among(has); names.head != Head::unknown) {
    const Shape shape = tensors[tensors.find(names.embedding)].shape;
    if (!changes.vocabulary && !shape.empty()) comparison.expect("vocab_size", shape[0]);
    for (const std::string_view key : kWidths)
      if (shape.size() == 2) comparison.expect(key, shape[1]);
  }
  const std::vector<LayerRun> runs = layer_runs(tensors);
  if (const LayerRun* const run = language_run(runs); run && changes.runs.empty())
    if (const std::optional<std::string> key = layer_count_field(whole, run->prefix))
      comparison.expect(*key, run->layers);
  return comparison.take_unlike();
}

}  // namespace ckmerge
