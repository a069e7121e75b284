// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/read/buffer_values.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const char* const kUnet = "model.diffusion_model.out.2.weight";

bool warns(const Plan& plan, const std::string& text) {
  for (const std::string& warning : plan.warnings)
    if (warning.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("buffers are A's in their own dtype, whatever is said of dtypes") {
  Opened files;
  files.add({f32("betas", {2}, {1, 2}), f32(kUnet, {1}, {1}), bits("v_pred", Dtype::F16, {0}, {})})
      .add({f32("betas", {2}, {3, 4}), f32(kUnet, {1}, {1}), bits("v_pred", Dtype::F16, {0}, {})});
  Recipe recipe = weighted(0.5);
  recipe.dtype = Dtype::BF16;
  const Plan plan = files.plan(recipe);
  CHECK(step_of(plan, files, "betas").action == Action::copy_buffer);
  CHECK(step_of(plan, files, "betas").dtype == Dtype::F32);
  CHECK(step_of(plan, files, "v_pred").dtype == Dtype::F16);
  CHECK(step_of(plan, files, kUnet).dtype == Dtype::BF16);
  CHECK(plan.warnings.empty());

  recipe.merge_buffers = true;
  const Plan merged = files.plan(recipe);
  CHECK(step_of(merged, files, "betas").action == Action::merge);
  CHECK(step_of(merged, files, "betas").dtype == Dtype::BF16);
  recipe.only = {"model"};
  CHECK(step_of(files.plan(recipe), files, "betas").dtype == Dtype::F32);
}

TEST_CASE("a mark that only some have is told with what it means, where the unet is of both") {
  Opened files;
  files.add({f32(kUnet, {1}, {1}), f32("vae.w", {1}, {1})})
      .add({f32(kUnet, {1}, {2}), f32("vae.w", {1}, {2}), f32("v_pred", {0}, {})});
  const Plan mixed = files.plan(weighted(0.5));
  CHECK(warns(mixed, "it predicts v, not noise"));
  CHECK(warns(mixed, "lacks the mark"));
  CHECK(files.names(mixed.dropped) == std::vector<std::string>{"v_pred"});
  Recipe of_vae = weighted(0.5);
  of_vae.only = {"^vae"};
  CHECK(files.plan(of_vae).warnings.empty());
  CHECK(warns(files.plan(weighted(1)), "which gives the unet, is left out"));
  Recipe added = weighted(1);
  added.extra = ExtraPolicy::add;
  CHECK(files.plan(added).warnings.empty());

  Opened marked;
  marked.add({f32(kUnet, {1}, {1}), f32("v_pred", {0}, {})}).add({f32(kUnet, {1}, {2})});
  Recipe zero = weighted(0.5);
  zero.missing = MissingPolicy::zero;
  CHECK(warns(marked.plan(zero), "has the mark"));
  CHECK(step_of(marked.plan(zero), marked, "v_pred").action == Action::keep);
  CHECK(warns(marked.plan(weighted(1)), "--discard '^v_pred$'"));
  zero.only = {"model"};
  CHECK(warns(marked.plan(zero), "has the mark"));
}

TEST_CASE("schedules that one has, and buffers of other shapes, are A's and told") {
  Opened files;
  files.add({f32("a.inv_freq", {2}, {1, 2}), f32("betas", {1}, {1}), f32("logvar", {1}, {1}), f32(kUnet, {1}, {1})})
      .add({f32("a.inv_freq", {3}, {1, 2, 3}), f32(kUnet, {1}, {1})});
  const Plan plan = files.plan();
  CHECK(warns(plan, "A.safetensors has a noise schedule (betas and 1 other); it is kept"));
  CHECK(warns(plan, "a.inv_freq has another shape"));
  CHECK(step_of(plan, files, "a.inv_freq").source_count == 1);
}

TEST_CASE("what becomes of a schedule that one has is said as it is, and one mark of two tensors once") {
  const auto added = [] {
    Recipe recipe = weighted(0.5);
    recipe.extra = ExtraPolicy::add;
    return recipe;
  };
  const auto dropping = [] {
    Recipe recipe = weighted(0.5);
    recipe.missing = MissingPolicy::drop;
    return recipe;
  };
  Opened second, first;
  second.add({f32(kUnet, {1}, {1})}).add({f32("betas", {1}, {1}), f32(kUnet, {1}, {1})});
  CHECK(warns(second.plan(), "B.safetensors has a noise schedule (betas); it is left out"));
  CHECK(warns(second.plan(added()), "B.safetensors has a noise schedule (betas); it is kept"));
  first.add({f32("betas", {1}, {1}), f32(kUnet, {1}, {1})}).add({f32(kUnet, {1}, {1})});
  CHECK(warns(first.plan(dropping()), "A.safetensors has a noise schedule (betas); it is left out"));

  Opened edm;
  edm.add({f32("edm_vpred.sigma_max", {}, {1}), f32("edm_vpred.sigma_min", {}, {1}), f32(kUnet, {1}, {1})})
      .add({f32(kUnet, {1}, {1})});
  const Plan plan = edm.plan();
  CHECK(plan.warnings.size() == 1);
  CHECK(warns(plan, "edm_vpred.sigma_max (and 1 other) is in "));
}

TEST_CASE("below a prefix of all names marks are copied, and beside alphas_cumprod schedules") {
  Opened files;
  files
      .add({f32("net.alphas_cumprod", {1}, {1}), f32("net.betas", {1}, {1}), f32("net.v_pred", {1}, {1}),
            f32("net.w", {1}, {1})})
      .add({f32("net.alphas_cumprod", {1}, {1}), f32("net.betas", {1}, {3}), f32("net.v_pred", {1}, {1}),
            f32("net.w", {1}, {1})});
  Recipe recipe = weighted(0.5);
  recipe.dtype = Dtype::F16;
  const Plan plan = files.plan(recipe);
  for (const char* name : {"net.alphas_cumprod", "net.betas", "net.v_pred"}) {
    CHECK(step_of(plan, files, name).action == Action::copy_buffer);
    CHECK(step_of(plan, files, name).dtype == Dtype::F32);
  }
  CHECK(step_of(plan, files, "net.w").dtype == Dtype::F16);
}

TEST_CASE("positions are written anew by mend, and told where they are ruined") {
  Opened files;
  files
      .add({f32("x.position_ids", {2, 3}, {0, 1, 2, 0, 1, 2}), f32("y.position_ids", {1, 3}, {0, 1, 1.5}),
            f32(kUnet, {1}, {1})})
      .add({f32("x.position_ids", {2, 3}, {0, 1, 2, 0, 1, 2}), f32(kUnet, {1}, {1})});
  const auto told = position_warnings(files.plan(), files.checkpoints);
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("y.position_ids (F32) is not 0, 1, 2") != std::string::npos);
  Recipe recipe = weighted(0.5);
  recipe.mend = true;
  const Plan plan = files.plan(recipe);
  CHECK(position_warnings(plan, files.checkpoints).empty());
  for (const char* name : {"x.position_ids", "y.position_ids"}) {
    CHECK(step_of(plan, files, name).program == Step::kCount);
    CHECK(step_of(plan, files, name).dtype == Dtype::I64);
  }
}
