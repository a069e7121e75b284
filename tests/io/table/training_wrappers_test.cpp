// SPDX-License-Identifier: Apache-2.0
#include "io/table/training_wrappers.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

Checkpoint named(const std::vector<std::string>& names) {
  Checkpoint checkpoint;
  for (const std::string& name : names) checkpoint.tensors.add(name, Dtype::F32, {}, 0, 0, 4, 1);
  checkpoint.tensors.sort_by_name();
  return checkpoint;
}

std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) names.emplace_back(checkpoint.tensors[i].name);
  return names;
}

using Names = std::vector<std::string>;

Names unwrapped(const Names& names) {
  Checkpoint checkpoint = named(names);
  take_off_training_wrappers(checkpoint);
  CHECK(checkpoint.notes.empty() == (names_of(checkpoint) == names_of(named(names))));
  return names_of(checkpoint);
}

}  // namespace

TEST_CASE("wrappers of a whole file are taken off, in any nesting") {
  const Names plain{"h.0.w", "h.1.w", "head.w"};
  CHECK(unwrapped(plain) == plain);
  for (const std::string wrapper : {"module.", "_orig_mod.", "ema_model.", "module._orig_mod.", "_orig_mod.module.",
                                    "module.module.", "_fsdp_wrapped_module.module._orig_mod."})
    CHECK(unwrapped({wrapper + "h.0.w", wrapper + "h.1.w", wrapper + "head.w"}) == plain);
}

TEST_CASE("wrappers inside a file are taken off where the whole subtree has them") {
  CHECK(unwrapped({"model.diffusion_model._orig_mod.a.w", "model.diffusion_model._orig_mod.b.w", "vae.a"}) ==
        Names{"model.diffusion_model.a.w", "model.diffusion_model.b.w", "vae.a"});
  CHECK(unwrapped({"model.module.a.w", "model.module.b.w"}) == Names{"model.a.w", "model.b.w"});
  CHECK(unwrapped({"layers.0._orig_mod.w", "layers.1._orig_mod.w", "layers.10._orig_mod.w"}) ==
        Names{"layers.0.w", "layers.1.w", "layers.10.w"});
  CHECK(unwrapped({"module.layers.0._checkpoint_wrapped_module.attn._orig_mod.w", "module.x"}) ==
        Names{"layers.0.attn.w", "x"});
}

TEST_CASE("what only looks like a wrapper stays") {
  for (const Names& names : {Names{"module.a", "other.b"},                // not all
                             Names{"layers.0.module.w", "layers.1.x.w"},  // a layer's own
                             Names{"a._orig_mod.w", "a.w"}, Names{"my_module.a", "my_module.b"}, Names{"module.", "x"},
                             Names{"modules.a", "modules.b"}, Names{"ema_model.a", "online_model.a"}, Names{"module"}})
    CHECK(unwrapped(names) == names_of(named(names)));
}

TEST_CASE("a name of wrappers without end is read in time") {
  std::string name;
  for (int i = 0; i < 200'000; ++i) name += "module.";
  CHECK(unwrapped({name + "a", name + "b"})[0].size() + 500 < name.size());
}

TEST_CASE("the counters beside an averaged model do not keep its wrapper on") {
  CHECK(unwrapped({"module.a.w", "module.b.w", "n_averaged"}) == Names{"a.w", "b.w", "n_averaged"});
  CHECK(unwrapped({"ema_model.a.w", "initted", "step"}) == Names{"a.w", "initted", "step"});
}

TEST_CASE("a note tells what was taken off; a tensor that is there twice is refused") {
  Checkpoint checkpoint = named({"module._orig_mod.a", "module._orig_mod.b"});
  take_off_training_wrappers(checkpoint);
  REQUIRE(checkpoint.notes.size() == 1);
  CHECK(checkpoint.notes[0] == "read without the wrappers of training: _orig_mod. of 2 names, module. of 2 names");

  Checkpoint twice = named({"module.step", "step"});
  const auto fault = failure([&] { take_off_training_wrappers(twice); });
  CHECK(fault.code == ErrorCode::malformed);
  CHECK(fault.where == "step");

  Checkpoint shards = named({"module.a"});
  shards.metadata = {{"DCP_SHARDING_INFO", "{}"}};
  take_off_training_wrappers(shards);
  CHECK(names_of(shards) == Names{"module.a"});
}
