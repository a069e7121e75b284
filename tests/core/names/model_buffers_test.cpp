// SPDX-License-Identifier: Apache-2.0
#include "core/names/model_buffers.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace ckmerge;

namespace {

struct Named {
  const char* name;
  std::vector<uint64_t> shape;
};

bool is_buffer(const Named& tensor) { return buffer_row(tensor.name, tensor.shape) != nullptr; }

}  // namespace

TEST_CASE("what belongs to a model as a whole is told from weights by its name and shape") {
  const std::vector<Named> buffers{
      {"v_pred", {0}},
      {"ztsnr", {0}},
      {"edm_mean", {4}},
      {"edm_vpred.sigma_max", {}},
      {"__index_timestep_zero__", {0}},
      {"model.diffusion_model.__x0__", {0}},
      {"betas", {1000}},
      {"alphas_cumprod", {1000}},
      {"alphas_cumprod_prev", {1000}},
      {"sqrt_one_minus_alphas_cumprod", {1000}},
      {"log_one_minus_alphas_cumprod", {1000}},
      {"sqrt_recipm1_alphas_cumprod", {1000}},
      {"model.diffusion.sqrt_alphas_cumprod", {1000}},
      {"posterior_mean_coef1", {1000}},
      {"logvar", {1000}},
      {"denoiser.sigmas", {1000}},
      {"model_sampling.sigmas", {1000}},
      {"model_sampling.log_sigmas", {1000}},
      {"noise_scheduler.betas", {1000}},
      {"cond_stage_model.model.attn_mask", {77, 77}},
      {"h.0.attn.bias", {1, 1, 1024, 1024}},
      {"gpt_neox.layers.3.attention.bias", {1, 1, 2048, 2048}},
      {"gpt_neox.layers.3.attention.masked_bias", {}},
      {"transformer.blocks.0.attn.mask", {1, 1, 16, 16}},
      {"cond_stage_model.transformer.text_model.embeddings.position_ids", {1, 77}},
      {"model.layers.0.self_attn.rotary_emb.inv_freq", {64}},
      {"rope.freqs", {64}},
      {"net.pos_embedder.seq", {128}},
      {"layers.0.blocks.1.attn.relative_position_index", {49, 49}},
      {"bn.num_batches_tracked", {}},
      {"model_ema.num_updates", {}},
      {"model.layers.0.mlp.gate.tid2eid", {32000, 6}},
  };
  for (const Named& tensor : buffers) {
    CAPTURE(tensor.name);
    CHECK(is_buffer(tensor));
  }
  const std::vector<Named> weights{
      {"model.diffusion_model.out.2.weight", {4, 320, 3, 3}},
      {"layers.0.alpha", {1}},
      {"layers.0.beta", {512}},
      {"norm.betas", {512}},
      {"betas", {1, 10}},
      {"alphas", {14, 8}},
      {"loss.logvar", {1}},
      {"first_stage_model.loss.logvar", {}},
      {"encoder.logvar.weight", {4, 4}},
      {"pos_embed", {1, 256, 1152}},
      {"model.diffusion_model.pos_embed", {1, 256, 1152}},
      {"positional_embedding", {77, 768}},
      {"decoder.mask_token", {1, 1, 512}},
      {"mask_token", {1, 1, 512}},
      {"blocks.0.attn.bias", {768}},
      {"attention.bias", {768, 3}},
      {"blocks.0.attn.relative_position_bias_table", {169, 3}},
      {"sigmas_proj.weight", {4, 4}},
      {"blocks.0.mask.weight", {4, 4}},
      {"edm_net.layers.0.weight", {4, 4}},
      {"edm_net.layers.0.bias", {4}},
      {"posterior_net.bias", {4}},
      {"bn.running_mean", {8}},
      {"v_pred.weight", {4, 4}},
      {"layers.0.epoch", {1}},
      {"time_embed.freqs", {16}},
      {"scale_shift_table", {6, 32}},
      {"__metadata__", {1}},
      {"logit_scale", {}},
  };
  for (const Named& tensor : weights) {
    CAPTURE(tensor.name);
    CHECK(!is_buffer(tensor));
  }
  const std::string long_name = std::string(1 << 20, 'x') + ".betas";
  CHECK(!is_buffer({long_name.c_str(), {3}}));
}

TEST_CASE("marks below what all names begin with, and schedules beside alphas_cumprod, are told by their table") {
  const uint64_t list[] = {4};
  const auto table_of = [&](const std::vector<const char*>& names) {
    TensorTable table;
    for (const char* name : names) table.add(name, Dtype::F32, list, 0, 0, 16, 4);
    table.sort_by_name();
    return table;
  };
  const auto kind_in = [](const TensorTable& table, const char* name) -> int {
    const BufferRow* const row = buffer_row(table, table[table.find(name)]);
    return row ? static_cast<int>(row->kind) : -1;
  };
  const int mark = static_cast<int>(BufferKind::mark), schedule = static_cast<int>(BufferKind::schedule);
  const TensorTable prefixed = table_of({"foo.v_pred", "foo.edm_mean", "foo.model.w", "foo.betas"});
  CHECK(kind_in(prefixed, "foo.v_pred") == mark);
  CHECK(kind_in(prefixed, "foo.edm_mean") == mark);
  CHECK(kind_in(prefixed, "foo.betas") == -1);
  CHECK(kind_in(prefixed, "foo.model.w") == -1);
  CHECK(kind_in(table_of({"foo.v_pred", "bar.w"}), "foo.v_pred") == -1);
  CHECK(kind_in(table_of({"foo.v_pred", "foodless"}), "foo.v_pred") == -1);
  const TensorTable net = table_of({"net.alphas_cumprod", "net.betas", "net.logvar", "net.w", "norm.betas", "v_pred"});
  CHECK(kind_in(net, "net.betas") == schedule);
  CHECK(kind_in(net, "net.logvar") == schedule);
  CHECK(kind_in(net, "net.w") == -1);
  CHECK(kind_in(net, "norm.betas") == -1);
  CHECK(kind_in(net, "v_pred") == mark);
}

TEST_CASE("marks and schedules say how a model is sampled") {
  CHECK(is_of_sampling(*buffer_row("v_pred", {})));
  CHECK(is_of_sampling(*buffer_row("betas", {})));
  CHECK(!is_of_sampling(*buffer_row("position_ids", {})));
  CHECK(buffer_row("ztsnr", {})->meaning != nullptr);
  CHECK(is_position_ids("a.position_ids"));
  CHECK(!is_position_ids("a.position_ids.b"));
}
