// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/taken_component.h"

#include <doctest/doctest.h>

#include "tests/core/layouts/traced_table.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Checkpoint pipeline() {
  return TracedTable()
      .add("text_encoder.a", {2})
      .add("text_encoder_2.a", {3})
      .add_turned("text_encoder_2.b", {2, 2})
      .add("vae.x", {4})
      .checkpoint();
}

void rename_all(Checkpoint& checkpoint, const std::string& front) {
  checkpoint.rename([&](std::string_view name) { return front + std::string(name); });
  checkpoint.notes.push_back("renamed");
  checkpoint.equated.push_back("renamed");
}

}  // namespace

TEST_CASE("a component is what has its name and a dot in front") {
  const Checkpoint checkpoint = pipeline();
  CHECK(has_component(checkpoint.tensors, "text_encoder"));
  CHECK(!has_component(checkpoint.tensors, "text_enc"));
  CHECK(!has_component(checkpoint.tensors, "wae"));
}

TEST_CASE("what is done to a component is done to no other") {
  Checkpoint first = pipeline(), other = pipeline();
  const std::vector<std::string> components{"text_encoder_2", "unet"};
  size_t calls = 0;
  bring_components(first, other, components, [&](Checkpoint& own, Checkpoint& theirs) {
    ++calls;
    CHECK(own.tensors.size() == 2);
    CHECK(theirs.tensors.name(0) == "a");
    rename_all(theirs, "model.");
  });
  CHECK(calls == 1);
  CHECK(rows(first.tensors) == rows(pipeline().tensors));
  CHECK(first.notes.empty());
  const size_t renamed = other.tensors.find("text_encoder_2.model.b");
  REQUIRE(renamed != TensorTable::npos);
  CHECK(places(other.tensors, renamed) == places(first.tensors, first.tensors.find("text_encoder_2.b")));
  CHECK(other.tensors.find("text_encoder.a") != TensorTable::npos);
  CHECK(other.tensors.size() == first.tensors.size());
  CHECK(other.notes == std::vector<std::string>{"text_encoder_2: renamed"});
  CHECK(other.equated == std::vector<std::string>{"text_encoder_2: renamed"});
}
