// SPDX-License-Identifier: Apache-2.0
// Embeddings and heads of unlike vocabularies: refused by one sentence, cropped, or A's where only A has rows.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/engine/run.h"
#include "core/inputs/input_names.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr const char *kEmbedding = "model.embed_tokens.weight", *kHead = "lm_head.weight";

// Rows of three elements, all of one value.
FileTensor rows(const std::string& name, const std::vector<float>& values) {
  std::vector<float> elements;
  for (const float value : values) elements.insert(elements.end(), 3, value);
  return f32(name, {values.size(), 3}, elements);
}

std::vector<float> first_elements(const std::string& path, const std::string& name) {
  std::vector<float> values;
  const std::vector<float> all = f32_values(path, name);
  for (size_t i = 0; i < all.size(); i += 3) values.push_back(all[i]);
  return values;
}

struct Merge {
  Opened files;
  std::vector<std::string> warnings;
  VocabularyChanges changes;

  std::string run(const Recipe& recipe) {
    warnings = name_inputs(recipe, files.checkpoints, changes);
    const std::string target = files.folder / "out.safetensors";
    ckmerge::run(make_plan(recipe, files.checkpoints), files.checkpoints, target, {.replace = true, .sync = false});
    return target;
  }
};

Recipe half(VocabPolicy vocab) {
  return {.method = "weighted_sum", .parameters = {{"alpha", {0.5}}}, .vocab = vocab, .metadata = MetadataPolicy::none};
}

}  // namespace

TEST_CASE("vocabularies of unlike size are refused by one sentence with both and what can be done") {
  Opened files;
  files.add({rows(kEmbedding, {1, 2, 3}), rows(kHead, {1, 2, 3}), f32("model.norm.weight", {1}, {1})});
  files.add({rows(kEmbedding, {1, 2}), rows(kHead, {1, 2}), f32("model.norm.weight", {1}, {1})});
  const Failure refused = files.fault(weighted(0.5));
  CHECK(refused.code == ErrorCode::mismatch);
  CHECK(refused.text == "the checkpoints do not fit together: the vocabularies differ: that of " +
                            files.checkpoints[0].path + " has 3 rows, that of " + files.checkpoints[1].path +
                            " 2; --vocab crop merges the first rows, as many as all have, --vocab base keeps those "
                            "that only " +
                            files.checkpoints[0].path +
                            " has, and mergekit's tokenizer_source (`ckmerge mergekit`) joins them by token");
  CHECK(refused.details.size() == 2);
  Opened others;
  others.add({rows(kEmbedding, {1, 2, 3}), f32("w", {2}, {1, 1})});
  others.add({rows(kEmbedding, {1, 2}), f32("w", {3}, {1, 1, 1})});
  CHECK(others.fault(weighted(0.5)).text == "the checkpoints do not fit together: 2 tensors cannot be merged");
}

TEST_CASE("crop has the rows that all have") {
  Merge merge;
  merge.files.add({rows(kEmbedding, {1, 2, 3, 4}), rows(kHead, {5, 6, 7, 8})});
  merge.files.add({rows(kEmbedding, {3, 4, 5}), rows(kHead, {7, 8, 9})});
  const std::string out = merge.run(half(VocabPolicy::crop));
  CHECK(first_elements(out, kEmbedding) == std::vector<float>{2, 3, 4});
  CHECK(first_elements(out, kHead) == std::vector<float>{6, 7, 8});
  CHECK(merge.changes.rows == 3);
  REQUIRE(merge.warnings.size() == 1);
  CHECK(merge.warnings[0].ends_with(" 3): the result has the first 3 rows"));
}

TEST_CASE("crop takes A's head along where the others are tied, and no tensor that is none of the vocabulary") {
  Merge merge;
  merge.files.add({rows(kEmbedding, {1, 2, 3, 4}), rows(kHead, {5, 6, 7, 8}), rows("other.weight", {1, 1, 1, 1})});
  merge.files.add({rows(kEmbedding, {3, 4, 5}), rows("other.weight", {3, 3, 3, 3})});
  const std::string out = merge.run(half(VocabPolicy::crop));
  CHECK(first_elements(out, kHead) == std::vector<float>{4, 5, 6});
  CHECK(first_elements(out, "other.weight") == std::vector<float>{2, 2, 2, 2});
}

TEST_CASE("base keeps the rows that only A has, and leaves out those that A lacks") {
  for (const char* const method : {"weighted_sum", "slerp"}) {
    Merge merge;
    merge.files.add({rows(kEmbedding, {1, 2, 3, 4}), f32("lm_head.bias", {4}, {1, 2, 3, 4})});
    merge.files.add({rows(kEmbedding, {1, 2, 3}), f32("lm_head.bias", {3}, {1, 2, 3})});
    Recipe recipe = half(VocabPolicy::base);
    recipe.method = method;
    recipe.parameters = {};
    const std::string out = merge.run(recipe);
    CHECK(first_elements(out, kEmbedding) == std::vector<float>{1, 2, 3, 4});
    CHECK(f32_values(out, "lm_head.bias") == std::vector<float>{1, 2, 3, 4});
    CHECK_FALSE(merge.changes.rows.has_value());
    REQUIRE(merge.warnings.size() == 1);
    CHECK(merge.warnings[0].ends_with("the first 3 rows are merged, those behind are A's alone"));
  }
  Merge merge;
  merge.files.add({rows(kEmbedding, {1, 2})});
  merge.files.add({rows(kEmbedding, {3, 4, 5})});
  CHECK(first_elements(merge.run(half(VocabPolicy::base)), kEmbedding) == std::vector<float>{2, 3});
  CHECK(merge.warnings.at(0).ends_with("rows that A lacks are left out"));
}

TEST_CASE("base of three is merged in the rows that all have, whatever counts as zero elsewhere") {
  Merge merge;
  merge.files.add({rows(kEmbedding, {1, 2, 3, 4})});
  merge.files.add({rows(kEmbedding, {2, 3, 4})});
  merge.files.add({rows(kEmbedding, {1, 1, 1, 1, 1})});
  Recipe recipe = half(VocabPolicy::base);
  recipe.method = "add_difference";
  recipe.parameters = {{"alpha", {1}}};
  recipe.expand = ExpandPolicy::zero;
  CHECK(first_elements(merge.run(recipe), kEmbedding) == std::vector<float>{2, 4, 6, 4});
}

TEST_CASE("the rows of an expansion are found in tiles that begin anywhere") {
  TempFolder folder;
  constexpr uint64_t kRows = 5000;
  Opened files;
  files.add({random(kEmbedding, Dtype::BF16, {kRows, 7}, 1)});
  files.add({random(kEmbedding, Dtype::BF16, {kRows - 777, 7}, 2)});
  const Recipe recipe = half(VocabPolicy::base);
  name_inputs(recipe, files.checkpoints);
  const Plan plan = make_plan(recipe, files.checkpoints);
  std::string before;
  for (const uint64_t tile : {4096, 8192, 1 << 20}) {
    const std::string target = folder / (std::to_string(tile) + ".safetensors");
    run(plan, files.checkpoints, target, {.sync = false, .tile_size = tile});
    const std::string bytes = tensor_bytes(target, kEmbedding);
    if (!before.empty()) CHECK(bytes == before);
    before = bytes;
  }
  const std::string a = tensor_bytes(files.checkpoints[0].path, kEmbedding);
  CHECK(before.substr((kRows - 777) * 14) == a.substr((kRows - 777) * 14));
  CHECK(before.substr(0, 14) != a.substr(0, 14));
}

TEST_CASE("plain models of one vocabulary know nothing of it") {
  Merge merge;
  merge.files.add({rows(kEmbedding, {1, 2})});
  merge.files.add({rows(kEmbedding, {3, 4})});
  for (const VocabPolicy policy : {VocabPolicy::error, VocabPolicy::crop, VocabPolicy::base}) {
    CHECK(first_elements(merge.run(half(policy)), kEmbedding) == std::vector<float>{2, 3});
    CHECK(merge.warnings.empty());
    CHECK(merge.changes.empty());
  }
}
