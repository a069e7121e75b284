// SPDX-License-Identifier: Apache-2.0
// Parts of a pipeline, dtypes of parts, what training leaves, and how the recipe keeps all of it.
#include <doctest/doctest.h>

#include "core/names/training_state.h"
#include "core/recipe/average_weights.h"
#include "core/recipe/provenance.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Recipe copy_with(auto&& change) {
  Recipe recipe{.method = "copy"};
  change(recipe);
  return recipe;
}

Dtype dtype_of(const Opened& opened, const Recipe& recipe, std::string_view name) {
  return step_of(opened.plan(recipe), opened, name).dtype;
}

constexpr const char* kUnet = "model.diffusion_model.a";
constexpr const char* kTe = "conditioner.embedders.0.a";
constexpr const char* kVae = "first_stage_model.a";

void add_parts(Opened& opened) {
  opened.add({f32(kUnet, {1}, {1}), f32(kTe, {1}, {1}), f32(kVae, {1}, {1}), f32("other", {1}, {1}),
              bits("half", Dtype::BF16, {1}, {1})});
}

}  // namespace

TEST_CASE("names belong to parts by their beginnings") {
  const std::vector<std::pair<const char*, std::optional<Part>>> names{{"model.diffusion_model.out.2.bias", Part::unet},
                                                                       {"cond_stage_model.x", Part::te},
                                                                       {"conditioner.x", Part::te},
                                                                       {"text_encoders.t5xxl.x", Part::te},
                                                                       {"text_encoder.x", Part::te},
                                                                       {"text_encoder_2.x", Part::te},
                                                                       {"text_embedding_projection.x", Part::te},
                                                                       {"audio_vae.decoder.x", Part::vae},
                                                                       {"vocoder.x", Part::vae},
                                                                       {"pretransform.model.x", Part::vae},
                                                                       {"model.model.double_blocks.0.x", Part::unet},
                                                                       {"model.model.layers.0.x", std::nullopt},
                                                                       {"unet.x", Part::unet},
                                                                       {"transformer.x_embedder.weight", Part::unet},
                                                                       {"transformer.blocks.0.attn1.x", Part::unet},
                                                                       {"transformer.h.0.attn.x", std::nullopt},
                                                                       {"transformer.resblocks.0.x", std::nullopt},
                                                                       {"transformer.text_model.x", std::nullopt},
                                                                       {"first_stage_model.x", Part::vae},
                                                                       {"vae.x", Part::vae},
                                                                       {"model_ema.diffusion_modelx", std::nullopt},
                                                                       {"model.diffusion_model", std::nullopt},
                                                                       {"xvae.x", std::nullopt}};
  for (const auto& row : names) CHECK_MESSAGE(part_of(row.first) == row.second, row.first);
}

TEST_CASE("a part's dtype comes before that of all, and --half takes F32 alone") {
  Opened opened;
  add_parts(opened);
  const Recipe mixed = copy_with([](Recipe& recipe) {
    recipe.dtype = Dtype::F16;
    recipe.part_dtypes[static_cast<size_t>(Part::vae)] = {Dtype::F64};
    recipe.part_dtypes[static_cast<size_t>(Part::te)] = PartDtype{};
  });
  CHECK(dtype_of(opened, mixed, kUnet) == Dtype::F16);
  CHECK(dtype_of(opened, mixed, kTe) == Dtype::F32);
  CHECK(dtype_of(opened, mixed, kVae) == Dtype::F64);
  CHECK(dtype_of(opened, mixed, "half") == Dtype::F16);

  const Recipe half = copy_with([](Recipe& recipe) {
    recipe.half = true;
    recipe.part_dtypes[static_cast<size_t>(Part::vae)] = PartDtype{};
  });
  CHECK(dtype_of(opened, half, kUnet) == Dtype::F16);
  CHECK(dtype_of(opened, half, "half") == Dtype::BF16);
  CHECK(dtype_of(opened, half, kVae) == Dtype::F32);
}

TEST_CASE("a dtype by name comes before those of parts and of all, and the last rule that matches holds") {
  Opened opened;
  add_parts(opened);
  const Recipe recipe = copy_with([](Recipe& recipe) {
    recipe.dtype = Dtype::F16;
    recipe.part_dtypes[static_cast<size_t>(Part::vae)] = {Dtype::F64};
    recipe.dtype_rules = {"/[.]a$/=bf16", "/first_stage/=f32", "/a=b|^half$/=keep"};
  });
  CHECK(dtype_of(opened, recipe, kUnet) == Dtype::BF16);
  CHECK(dtype_of(opened, recipe, kVae) == Dtype::F32);
  CHECK(dtype_of(opened, recipe, "other") == Dtype::F16);
  CHECK(dtype_of(opened, recipe, "half") == Dtype::BF16);
  const auto fault = [&](const char* rule) {
    return opened.fault(copy_with([&](Recipe& recipe) { recipe.dtype_rules = {"/a/=f16", rule}; }));
  };
  CHECK(fault("/nowhere/=f16").code == ErrorCode::usage);
  CHECK(fault("/nowhere/=f16").text.find("'/nowhere/=f16'") != std::string::npos);
  CHECK(fault("/(/=f16").code == ErrorCode::usage);
  CHECK(fault("a=f16").code == ErrorCode::usage);
}

TEST_CASE("the recipe keeps what it says, and says no more than before where nothing new is said") {
  Recipe recipe{.method = "copy", .input_names = {"A"}};
  const std::vector<std::string> names{"A"};
  const std::string plain = recipe_text(recipe, names, {});
  for (const char* const word :
       {"dtypes", "dtype_rules", "half", "parts", "prune", "ema", "bake_vae", "roles", "layout"})
    CHECK_MESSAGE(plain.find(word) == std::string::npos, word);

  recipe.part_dtypes[0] = PartDtype{};
  recipe.part_dtypes[2] = {Dtype::F32};
  recipe.dtype_rules = {"/a/=f16"};
  recipe.half = recipe.prune = recipe.bake_vae = true;
  recipe.parts = {"unet", "vae"};
  recipe.ema = EmaPolicy::use;
  recipe.roles = {"te"};
  recipe.layout = "sdxl";
  const std::string text = recipe_text(recipe, names, {});
  CHECK(
      text.find(
          R"("dtypes":{"unet":"keep","vae":"f32"},"dtype_rules":["/a/=f16"],"half":true,"parts":["unet","vae"],"prune":true,"ema":"use",)"
          R"("bake_vae":true,"roles":["te"],"layout":"sdxl")") != std::string::npos);
  CHECK(parse_recipe(text).recipe == recipe);
  CHECK(parse_recipe(plain).recipe.parts.empty());
  std::string unknown = text;
  unknown.replace(unknown.find("\"unet\":\"keep\""), 6, "\"lora\"");
  CHECK(failure([&] { parse_recipe(unknown); }).code == ErrorCode::malformed);
}

TEST_CASE("parts are selected, and one that there is none of is a fault") {
  Opened opened;
  add_parts(opened);
  const Plan plan = opened.plan(copy_with([](Recipe& recipe) { recipe.parts = {"te", "vae"}; }));
  CHECK(plan.steps.size() == 2);
  CHECK(opened.names(plan.discarded) == std::vector<std::string>{"half", "model.diffusion_model.a", "other"});
  Opened none;
  none.add({f32(kUnet, {1}, {1})});
  CHECK(none.fault(copy_with([](Recipe& recipe) { recipe.parts = {"unet", "vae"}; })).code == ErrorCode::usage);
  CHECK(none.fault(copy_with([](Recipe& recipe) { recipe.parts = {"lora"}; })).code == ErrorCode::usage);
}

TEST_CASE("what training leaves is known by name") {
  for (const char* const name : {"loss.logvar", "first_stage_model.loss.perceptual_loss.net.x", "optimizer_states.0.x",
                                 "epoch", "global_step", "model_ema.decay", "model_ema.num_updates", "a.exp_avg_sq"})
    CHECK_MESSAGE(is_training_state(name), name);
  for (const char* const name : {"model.loss.x", "lossy.x", "epochs", "model_ema.diffusion_modelx", "betas", "exp_avg"})
    CHECK_MESSAGE(!is_training_state(name), name);
  CHECK(ema_name("model.diffusion_model.out.2.bias") == "model_ema.diffusion_modelout2bias");
  CHECK(ema_name("first_stage_model.x").empty());
}

TEST_CASE("averages take the place of weights, are dropped, or stay") {
  Opened opened;
  opened.add({f32("model.diffusion_model.a.w", {2}, {1, 2}), f32("model.diffusion_model.b.w", {1}, {3}),
              f32("model_ema.diffusion_modelaw", {2}, {10, 20}), f32("model_ema.diffusion_modelgone", {1}, {4}),
              bits("model_ema.num_updates", Dtype::I32, {}, {7}), f32("betas", {1}, {5})});
  const Plan used = opened.plan(copy_with([](Recipe& recipe) { recipe.ema = EmaPolicy::use; }));
  const Step& step = step_of(used, opened, "model.diffusion_model.a.w");
  CHECK(step.action == Action::ema);
  CHECK(opened.name(used.source(step)) == "model_ema.diffusion_modelaw");
  CHECK(opened.names(used.unshadowed) == std::vector<std::string>{"model.diffusion_model.b.w"});
  CHECK(opened.names(used.unused) == std::vector<std::string>{"model_ema.diffusion_modelgone"});
  CHECK(used.steps.size() == 3);
  CHECK(opened.plan(copy_with([](Recipe& recipe) { recipe.ema = EmaPolicy::drop; })).steps.size() == 3);
  CHECK(opened.plan(copy_with([](Recipe& recipe) { recipe.prune = true; })).steps.size() == 5);

  Opened misfit, none;
  misfit.add({f32("model.a", {2}, {1, 2}), f32("model_ema.a", {1}, {1})});
  none.add({f32("model.a", {2}, {1, 2})});
  const Recipe use = copy_with([](Recipe& recipe) { recipe.ema = EmaPolicy::use; });
  CHECK(misfit.fault(use).code == ErrorCode::mismatch);
  CHECK(none.fault(use).code == ErrorCode::mismatch);
}

TEST_CASE("weights of averages") {
  CHECK(ema_weights(3, 0.5) == std::vector<double>{0.25, 0.25, 0.5});
  CHECK(ema_weights(1, 0.9) == std::vector<double>{1});
  CHECK(ema_weights(3, 0) == std::vector<double>{0, 0, 1});
  CHECK(power_weights(4, 0) == std::vector<double>{0.25, 0.25, 0.25, 0.25});
  const std::vector<double> squares = power_weights(3, 1);  // 1/9, 4/9 - 1/9, 1 - 4/9
  for (size_t k = 0; k < 3; ++k) CHECK(squares[k] == doctest::Approx((2.0 * k + 1) / 9).epsilon(1e-14));
  CHECK(failure([] { ema_weights(2, 1); }).code == ErrorCode::usage);
  CHECK(failure([] { power_weights(2, -1); }).code == ErrorCode::usage);
}
