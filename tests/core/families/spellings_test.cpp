// SPDX-License-Identifier: Apache-2.0
#include "core/families/spellings.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace ckmerge;

namespace {

// All of them are one name.
void check_one(const std::vector<std::string>& names) {
  const std::string plain = plain_name(names[0]).text;
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(plain_name(name).text == plain);
  }
}

}  // namespace

TEST_CASE("spellings of a name have one plain name") {
  check_one({"text_model.encoder.layers.0.mlp.fc1.weight", "encoder.layers.0.mlp.fc1.weight"});
  check_one({"model.layers.0.w", "model.language_model.layers.0.w", "language_model.model.layers.0.w", "layers.0.w"});
  check_one({"visual.blocks.1.w", "model.visual.blocks.1.w"});
  check_one(
      {"vision_tower.encoder.w", "vision_tower.vision_model.encoder.w", "model.vision_tower.vision_model.encoder.w"});
  check_one({"language_model.lm_head.weight", "lm_head.weight"});
  check_one({"transformer.h.0.w", "h.0.w"});
  check_one({"a.weight_g", "a.parametrizations.weight.original0"});
  check_one({"a.LayerNorm.gamma", "a.LayerNorm.weight"});
  check_one({"a.transformer.shared.weight", "a.transformer.encoder.embed_tokens.weight"});
  check_one({"model.layers.0.block_sparse_moe.gate.weight", "model.layers.0.mlp.gate.weight",
             "model.layers.0.mlp.router.weight"});
  check_one({"encoder.mid_block.attentions.0.query.weight", "encoder.mid_block.attentions.0.to_q.weight"});
  check_one({"decoder.mid_block.attentions.0.proj_attn.bias", "decoder.mid_block.attentions.0.to_out.0.bias"});
  check_one({"net.a.w", "pipe.dit.a.w", "a.w", "model.model.a.w"});
}

TEST_CASE("names that are no spellings of each other keep what differs") {
  CHECK(plain_name("decoder.gamma.w").text != plain_name("decoder.weight.w").text);  // in the middle
  CHECK(plain_name("a.net.w").text != plain_name("a.w").text);
  CHECK(plain_name("xnet.w").text != plain_name("w").text);
  CHECK(plain_name("model").text == "");
  CHECK(plain_name("").text == ".");
  CHECK_FALSE(may_be_one(plain_name("text_model.a.w"), plain_name("vision_model.a.w")));
  CHECK(may_be_one(plain_name("text_model.a.w"), plain_name("a.w")));
}
