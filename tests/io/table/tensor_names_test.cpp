// SPDX-License-Identifier: Apache-2.0
// What is read from names: text encoders of old.
#include <doctest/doctest.h>

#include "io/table/text_encoder_names.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

struct Named {
  std::string name;
  Dtype dtype = Dtype::F16;
};

TensorTable table(const std::vector<Named>& tensors) {
  TensorTable out;
  for (const Named& tensor : tensors) out.add(tensor.name, tensor.dtype, {}, 0, 0, element_size(tensor.dtype), 1);
  out.sort_by_name();
  return out;
}

}  // namespace

TEST_CASE("old names of the text encoder become new ones, and are noted") {
  Checkpoint checkpoint;
  const std::string old = "cond_stage_model.transformer.", now = old + "text_model.";
  checkpoint.tensors = table({{old + "embeddings.position_ids"},
                              {old + "encoder.layers.0.fc1.weight"},
                              {old + "final_layer_norm.bias"},
                              {old + "text_projection"},
                              {now + "encoder.layers.1.fc1.weight"},
                              {"a"},
                              {"x." + old + "encoder.y"}});
  rename_old_text_encoder(checkpoint);
  for (const std::string& name :
       {now + "embeddings.position_ids", now + "encoder.layers.0.fc1.weight", now + "final_layer_norm.bias",
        old + "text_projection", now + "encoder.layers.1.fc1.weight", std::string("a"), "x." + old + "encoder.y"})
    CHECK(checkpoint.tensors.find(name) != TensorTable::npos);
  REQUIRE(checkpoint.notes.size() == 1);
  CHECK(checkpoint.notes[0] ==
        "3 tensors were renamed: cond_stage_model.transformer.* is now cond_stage_model.transformer.text_model.*");
}

TEST_CASE("a tensor under its old name and its new one is an error, and new names alone are no matter") {
  Checkpoint checkpoint;
  checkpoint.tensors = table({{"cond_stage_model.transformer.text_model.encoder.x"}});
  rename_old_text_encoder(checkpoint);
  CHECK(checkpoint.notes.empty());
  checkpoint.tensors =
      table({{"cond_stage_model.transformer.text_model.encoder.x"}, {"cond_stage_model.transformer.encoder.x"}});
  const auto refused = failure([&] { rename_old_text_encoder(checkpoint); });
  CHECK(refused.code == ErrorCode::malformed);
  CHECK(refused.text.starts_with("tensor 'cond_stage_model.transformer.text_model.encoder.x' is there under its old"));
}
