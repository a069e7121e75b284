// SPDX-License-Identifier: Apache-2.0
// What a file lacks that is brought to another's names, the other tells.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "core/families/model_family.h"
#include "core/layouts/rewriting.h"
#include "tests/core/layouts/traced_table.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const ModelFamily& family(const std::string& name, Naming left) {
  return *std::ranges::find_if(model_families(),
                               [&](const ModelFamily& row) { return row.name == name && row.left == left; });
}

// The text model of CLIP-H, all of it.
Checkpoint clip_h() {
  TracedTable table;
  for (int layer = 0; layer < 24; ++layer)
    table.add("transformer.resblocks." + std::to_string(layer) + ".ln_1.weight", {2});
  table.add("text_projection", {2, 2});
  return table.checkpoint();
}

bool rewritten_has(const Checkpoint& wanted, const std::string& name) {
  Checkpoint checkpoint = clip_h();
  const ComponentNames own(wanted.tensors, "");
  const ComponentNames names(checkpoint.tensors, "", &own);
  rewrite(checkpoint, family("clip", Naming::open_clip).rules(names, true), Direction::to_right, "", "");
  return checkpoint.tensors.find(name) != TensorTable::npos;
}

}  // namespace

TEST_CASE("of CLIP-H what Stable Diffusion 2 lacks is dropped only where the other file lacks it") {
  for (const char* const tower : {"text_model.", ""}) {
    TracedTable whole, short_by_one;
    for (TracedTable* const table : {&whole, &short_by_one})
      table->add(std::string(tower) + "encoder.layers.22.layer_norm1.weight", {2});
    whole.add(std::string(tower) + "encoder.layers.23.layer_norm1.weight", {2});
    whole.add("text_projection.weight", {2, 2});
    for (const char* const name : {"text_model.encoder.layers.23.layer_norm1.weight", "text_projection.weight"}) {
      CHECK(rewritten_has(whole.checkpoint(), name));
      CHECK_FALSE(rewritten_has(short_by_one.checkpoint(), name));
    }
  }
}

TEST_CASE("numbers are those of both files, up to the highest") {
  TracedTable left, right;
  left.add("up.1.weight", {2});
  right.add("up_blocks.4.weight", {2});
  const Checkpoint own = right.checkpoint(), theirs = left.checkpoint();
  const ComponentNames wanted(own.tensors, ""), names(theirs.tensors, "", &wanted);
  CHECK(BothNamings(names, true).numbers("up.#.*", "up_blocks.#.*") == 5);
  CHECK(BothNamings(ComponentNames(theirs.tensors, ""), true).numbers("up.#.*", "up_blocks.#.*") == 2);
  CHECK(BothNamings(names, true).has("up.0.weight", "up_blocks.4.weight"));
  CHECK_FALSE(BothNamings(names, true).has("up_blocks.4.weight", "up.1.weight"));
}
