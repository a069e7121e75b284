// SPDX-License-Identifier: Apache-2.0
// Channels that changed places come back to the bit, what a network computes stays, and every tensor of real
// checkpoints is one whose channels are matched or one that is known to stay.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <regex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "bench/blueprint.h"
#include "core/matrices/made_matrices.h"
#include "core/matrices/permuted_units.h"
#include "core/plan/plan.h"
#include "io/text/error.h"
#include "tests/core/failure.h"
#include "tests/core/matrices/small_networks.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Recipe rebasin(double alpha, double head_channels = 0) {
  return plain({.method = "rebasin", .parameters = {{"alpha", {alpha}}, {"head_channels", {head_channels}}}});
}

// What becomes of B.
SmallNetwork aligned(const SmallNetwork& a, const SmallNetwork& b, double head_channels = 0, double alpha = 1) {
  TempFolder folder;
  const std::vector<std::string> paths = {write_file(folder / "a", tensors_of(a)),
                                          write_file(folder / "b", tensors_of(b))};
  merge(rebasin(alpha, head_channels), paths, folder / "out");
  SmallNetwork out = a;
  for (auto& [name, tensor] : out) tensor.values = f32_values(folder / "out", name);
  return out;
}

std::vector<std::string> that_differ(const SmallNetwork& a, const SmallNetwork& b) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : a)
    if (tensor.values != b.at(name).values) names.push_back(name);
  return names;
}

// Nearly A, so that its channels are told.
SmallNetwork with_noise(SmallNetwork network) {
  for (auto& [name, tensor] : network)
    for (size_t i = 0; i < tensor.values.size(); ++i)
      tensor.values[i] += static_cast<float>(static_cast<int>(i * 37 % 17) - 8) / 64.0F;
  return network;
}

using Vector = std::vector<double>;

Vector times(const SmallTensor& weight, const Vector& x, const SmallTensor* bias = nullptr) {
  Vector out(weight.shape[0]);
  for (size_t i = 0; i < out.size(); ++i) {
    for (size_t j = 0; j < x.size(); ++j) out[i] += static_cast<double>(weight.values[i * x.size() + j]) * x[j];
    if (bias != nullptr) out[i] += static_cast<double>(bias->values[i]);
  }
  return out;
}

// Attention of tokens to all tokens, with heads of 4 channels in which pairs are turned by the token's place.
std::vector<Vector> llama_attention(const SmallNetwork& network, const std::vector<Vector>& tokens) {
  const std::string module = "model.layers.0.self_attn.";
  const auto project = [&](const char* name) {
    std::vector<Vector> all;
    for (const Vector& token : tokens)
      all.push_back(times(network.at(module + name + ".weight"), token, &network.at(module + name + ".bias")));
    return all;
  };
  const auto turned = [](std::vector<Vector> all) {
    for (size_t at = 0; at < all.size(); ++at)
      for (size_t head = 0; head < all[at].size(); head += 4)
        for (size_t k = 0; k < 2; ++k) {
          const double angle = static_cast<double>(at) / (k == 0 ? 1.0 : 100.0), c = std::cos(angle),
                       s = std::sin(angle);
          double &x = all[at][head + k], &y = all[at][head + k + 2];
          const double before = x;
          x = c * before - s * y;
          y = s * before + c * y;
        }
    return all;
  };
  const std::vector<Vector> q = turned(project("q_proj")), k = turned(project("k_proj")), v = project("v_proj");
  std::vector<Vector> out;
  for (size_t at = 0; at < tokens.size(); ++at) {
    Vector heads(32);
    for (size_t head = 0; head < 8; ++head) {
      const size_t shared = head / 4;
      Vector scores(tokens.size());
      double sum = 0;
      for (size_t other = 0; other < tokens.size(); ++other) {
        for (size_t x = 0; x < 4; ++x) scores[other] += q[at][head * 4 + x] * k[other][shared * 4 + x] / 16;
        sum += scores[other] = std::exp(scores[other]);
      }
      for (size_t other = 0; other < tokens.size(); ++other)
        for (size_t x = 0; x < 4; ++x) heads[head * 4 + x] += scores[other] / sum * v[other][shared * 4 + x];
    }
    out.push_back(times(network.at(module + "o_proj.weight"), heads));
  }
  return out;
}

Vector llama_mlp(const SmallNetwork& network, const Vector& token) {
  const std::string module = "model.layers.0.mlp.";
  Vector gate = times(network.at(module + "gate_proj.weight"), token);
  const Vector up = times(network.at(module + "up_proj.weight"), token);
  for (size_t i = 0; i < gate.size(); ++i) gate[i] *= up[i] / (1 + std::exp(-gate[i]));
  return times(network.at(module + "down_proj.weight"), gate);
}

std::vector<Vector> some_tokens() {
  std::vector<Vector> tokens(5, Vector(6));
  for (size_t i = 0; i < 30; ++i) tokens[i / 6][i % 6] = static_cast<double>(i * 29 % 13) / 13 - 0.4;
  return tokens;
}

TensorTable table_of(std::span<const bench::TensorBlueprint> tensors) {
  TensorTable table;
  for (const bench::TensorBlueprint& tensor : tensors)
    table.add(tensor.name, tensor.dtype.value_or(Dtype::F16), tensor.shape, 0, 0, 2 * tensor.count(), tensor.count());
  table.sort_by_name();
  return table;
}

// Names that no unit has, and that `known` does not match.
std::vector<std::string> forgotten(const TensorTable& table, uint64_t head_channels, const std::string& known) {
  std::set<uint32_t> rows;
  for (const PermutedUnit& unit : permuted_units(table, table, head_channels))
    for (const PermutedWindow& window : unit.windows) rows.insert(window.row);
  std::vector<std::string> names;
  const std::regex stays(known);
  for (uint32_t row = 0; row < table.size(); ++row)
    if (!rows.contains(row) && !std::regex_match(std::string(table.name(row)), stays))
      names.emplace_back(table.name(row));
  return names;
}

// Embeddings, norms, what projects into the residual stream or out of it, and biases of what leads back to it.
const std::string kStays =
    ".*(position_ids|embedding\\.weight|positional_embedding|text_projection|logit_scale|_norm[12]?\\.(weight|bias)"
    "|\\.norm[123]?\\.(weight|bias)|ln_[12]\\.(weight|bias)|ln_final\\.(weight|bias)|(out_proj|fc2|c_proj)\\.bias"
    "|to_out\\.0\\.bias|net\\.2\\.bias|proj_(in|out)\\.(weight|bias)|time_embed\\.2\\.bias|label_emb\\.0\\.2\\.bias"
    "|in_layers\\.0\\.(weight|bias)|out_layers\\.3\\.bias|skip_connection\\.(weight|bias)|conv2\\.bias"
    "|nin_shortcut\\.(weight|bias)|norm_out\\.(weight|bias)|(conv_in|conv_out|quant_conv|op|conv)\\.(weight|bias)"
    "|input_blocks\\.0\\.0\\.(weight|bias)|diffusion_model\\.out\\.[02]\\.(weight|bias))";

}  // namespace

TEST_CASE("channels that changed places come back to the bit, noise and all") {
  const std::vector<std::tuple<SmallNetwork, SmallNetwork, SmallNetwork>> all = [] {
    const auto of = [](const SmallNetwork& a, const std::function<SmallNetwork(SmallNetwork)>& permuted) {
      return std::tuple{a, with_noise(a), permuted(with_noise(a))};
    };
    return std::vector{
        of(text_encoders(1), [](SmallNetwork n) { return permuted_text_encoders(std::move(n), 2); }),
        of(stable_diffusion(768, 64, 3), [](SmallNetwork n) { return permuted_stable_diffusion(std::move(n), 8, 4); }),
        of(stable_diffusion(2048, 128, 5),
           [](SmallNetwork n) { return permuted_stable_diffusion(std::move(n), 2, 6); }),
        of(llama(7), [](SmallNetwork n) { return permuted_llama(std::move(n), 8); })};
  }();
  for (const auto& [a, b, permuted] : all) {
    CHECK(that_differ(b, permuted).size() >= 7);
    CHECK(that_differ(aligned(a, permuted, 4), b).empty());
    CHECK(that_differ(aligned(b, permuted, 4, 0.3), b).empty());  // between what is equal
    CHECK(that_differ(aligned(a, permuted, 4, 0), a).empty());
  }
}

TEST_CASE("a network with channels in other places computes what it did") {
  const SmallNetwork a = llama(11), b = llama(12), moved = aligned(a, b, 4);
  CHECK(that_differ(b, moved).size() == 10);
  const std::vector<Vector> tokens = some_tokens(), before = llama_attention(b, tokens),
                            after = llama_attention(moved, tokens);
  for (size_t at = 0; at < tokens.size(); ++at) {
    const Vector hidden = llama_mlp(b, tokens[at]), moved_hidden = llama_mlp(moved, tokens[at]);
    for (size_t i = 0; i < 6; ++i) {
      CHECK(std::fabs(before[at][i] - after[at][i]) < 1e-11);
      CHECK(std::fabs(hidden[i] - moved_hidden[i]) < 1e-11);
    }
  }
  CHECK(that_differ(b, aligned(a, b, 0)).size() == 3);  // the MLP
}

TEST_CASE("what a unit has beside what is known, elements that are no numbers and other shapes leave it alone") {
  const SmallNetwork a = llama(21), b = permuted_llama(a, 24);
  const auto changed = [&](const std::function<void(SmallNetwork&)>& change) {
    SmallNetwork both[2] = {a, b};
    for (SmallNetwork& network : both) change(network);
    return that_differ(both[1], aligned(both[0], both[1], 4));
  };
  const size_t mlp = 3, attention = 7;
  CHECK(changed([](SmallNetwork&) {}).size() == mlp + attention);
  CHECK(changed([](SmallNetwork& n) {
          n["model.layers.0.mlp.sub_norm.weight"] = {{24}, std::vector<float>(24, 1)};
        }).size() == attention);
  CHECK(changed([](SmallNetwork& n) {
          n["model.layers.0.self_attn.q_norm.weight"] = {{4}, std::vector<float>(4, 1)};
        }).size() == mlp + attention);
  CHECK(changed([](SmallNetwork& n) {
          n["model.layers.0.self_attn.q_norm.weight"] = {{32}, std::vector<float>(32, 1)};
        }).size() == mlp);
  SmallNetwork with_nan = b;
  with_nan["model.layers.0.self_attn.v_proj.bias"].values[3] = std::numeric_limits<float>::quiet_NaN();
  TempFolder folder;
  merge(rebasin(1, 4), {write_file(folder / "a", tensors_of(a)), write_file(folder / "b", tensors_of(with_nan))},
        folder / "out");
  for (const char* const name : {"q_proj.weight", "v_proj.bias", "o_proj.weight"}) {
    const std::string whole = std::string("model.layers.0.self_attn.") + name;
    CHECK(tensor_bytes(folder / "out", whole) == tensor_bytes(folder / "b", whole));
  }
  CHECK(f32_values(folder / "out", "model.layers.0.mlp.up_proj.weight") ==
        a.at("model.layers.0.mlp.up_proj.weight").values);
}

TEST_CASE("rebasin: the same file every way, from BF16 too, and in a formula") {
  TempFolder folder;
  const SmallNetwork a = llama(31), b = permuted_llama(a, 32);
  const std::vector<std::string> paths = {write_file(folder / "a", tensors_of(a, Dtype::BF16)),
                                          write_file(folder / "b", tensors_of(b, Dtype::BF16))};
  merge_every_way(rebasin(0.5, 4), paths, folder);
  const std::string text = "A + 0.5*(rebasin(A, B, alpha=1, head_channels=4) - A)";
  merge(plain({.method = kFormulaMethod, .formula = Formula{.text = text, .names = {"A", "B"}}}), paths,
        folder / "formula");
  for (const auto& [name, tensor] : a)
    CHECK(tensor_bytes(folder / "formula", name) == tensor_bytes(folder / "a", name));
  const std::string beyond = "A + 0*B + rebasin(B - A, B)";
  const Failure refused = failure([&] {
    merge(plain({.method = kFormulaMethod, .formula = Formula{.text = beyond, .names = {"A", "B"}}}), paths,
          folder / "no");
  });
  CHECK(refused.code == ErrorCode::usage);
}

TEST_CASE("what matching holds is told") {
  TempFolder folder;
  const auto held = [&](uint64_t hidden) {
    const std::vector<FileTensor> tensors = {random("mlp.fc1.weight", Dtype::F32, {hidden, 3}, 1),
                                             random("mlp.fc2.weight", Dtype::F32, {3, hidden}, 2)};
    std::vector<Checkpoint> checkpoints =
        open_all({write_file(folder / "a", tensors), write_file(folder / "b", tensors)});
    add_whole_tensors(rebasin(0.5), checkpoints);
    return make_plan(rebasin(0.5), checkpoints).held_whole;
  };
  CHECK(held(2000) > 2000 * 2000 * sizeof(float));
  CHECK(held(2000) < 2 * 2000 * 2000 * sizeof(float));
  CHECK(held(20) < 400'000);
}

TEST_CASE("every tensor of real checkpoints has channels that are matched, or is known to stay") {
  const std::string fixed =
      "|.*(alphas_cumprod|alphas_cumprod_prev|betas|sqrt_.*|log_one_.*|posterior_.*|model_ema\\..*|logvar)";
  for (const bench::Blueprint& blueprint : {bench::stable_diffusion_15(), bench::stable_diffusion_xl()}) {
    const std::vector<std::string> names = forgotten(table_of(blueprint.tensors()), 0, "(" + kStays + ")" + fixed);
    CHECK(names == std::vector<std::string>());
  }
  const TensorTable llama = table_of(bench::llama(bench::kLlama8B).tensors());
  CHECK(forgotten(llama, 128, ".*norm\\.weight|model\\.embed_tokens\\.weight|lm_head\\.weight").empty());
  CHECK(forgotten(llama, 0, ".*norm\\.weight|model\\.embed_tokens\\.weight|lm_head\\.weight|.*self_attn.*").empty());
  CHECK(forgotten(llama, 96, ".*norm\\.weight|model\\.embed_tokens\\.weight|lm_head\\.weight|.*self_attn.*").empty());
}

TEST_CASE("heads are those of the network: 8 in SD 1, of 64 channels in SDXL and in CLIP") {
  const auto blocks_of = [](const bench::Blueprint& blueprint, const std::string& name) {
    const TensorTable table = table_of(blueprint.tensors());
    for (const PermutedUnit& unit : permuted_units(table, table, 0))
      if (table.name(unit.windows[0].row) == name) return unit.blocks;
    return uint64_t{0};
  };
  const bench::Blueprint sd1 = bench::stable_diffusion_15(), sdxl = bench::stable_diffusion_xl();
  const std::string block = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight";
  CHECK(blocks_of(sd1, block) == 8);
  CHECK(blocks_of(sdxl, block) == 10);
  CHECK(blocks_of(sd1, "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight") == 12);
  CHECK(blocks_of(sdxl, "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight") == 20);
  CHECK(blocks_of(sdxl, "first_stage_model.decoder.mid.attn_1.q.weight") == 1);
  CHECK(blocks_of(sdxl, "first_stage_model.decoder.mid.block_1.conv1.weight") == 32);
}

TEST_CASE("names of diffusers are known, and the same names of other networks are not taken for them") {
  const auto units_of = [](const std::vector<std::pair<std::string, std::vector<uint64_t>>>& tensors) {
    TensorTable table;
    for (const auto& [name, shape] : tensors) {
      uint64_t count = 1;
      for (const uint64_t side : shape) count *= side;
      table.add(name, Dtype::F16, shape, 0, 0, 2 * count, count);
    }
    table.sort_by_name();
    std::vector<uint64_t> blocks;
    for (const PermutedUnit& unit : permuted_units(table, table, 0)) blocks.push_back(unit.blocks);
    return blocks;
  };
  using Blocks = std::vector<uint64_t>;
  const auto attention = [](const std::string& module, uint64_t inner) {
    return std::vector<std::pair<std::string, std::vector<uint64_t>>>{{module + "to_q.weight", {inner, 64}},
                                                                      {module + "to_k.weight", {inner, 64}},
                                                                      {module + "to_v.weight", {inner, 64}},
                                                                      {module + "to_out.0.weight", {64, inner}},
                                                                      {module + "to_out.0.bias", {64}}};
  };
  auto vae = attention("decoder.mid_block.attentions.0.", 64);
  vae.push_back({"decoder.mid_block.attentions.0.group_norm.weight", {64}});
  CHECK(units_of(vae) == Blocks{1});
  auto unet = attention("mid_block.attentions.0.transformer_blocks.0.attn1.", 128);
  CHECK(units_of(unet).empty());  // how many heads is not told
  unet.push_back({"mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", {128, 768}});
  CHECK(units_of(unet) == Blocks{8});
  unet.back().second[1] = 2048;
  CHECK(units_of(unet) == Blocks{2});
  unet.back().second[1] = 1152;
  CHECK(units_of(unet).empty());
  unet.back().second[1] = 768;
  unet.push_back({"mid_block.attentions.0.transformer_blocks.0.attn1.add_q_proj.weight", {128, 64}});
  CHECK(units_of(unet).empty());  // of which no rule knows
  for (const auto& [module, is_known] : {std::pair{"down_blocks.0.resnets.1.", true}, {"layer1.0.", false}}) {
    const std::string name = module;
    const Blocks blocks = units_of({{name + "conv1.weight", {64, 32, 3, 3}},
                                    {name + "conv1.bias", {64}},
                                    {name + "norm1.weight", {32}},
                                    {name + "norm2.weight", {64}},
                                    {name + "norm2.bias", {64}},
                                    {name + "conv2.weight", {32, 64, 3, 3}}});
    CHECK(blocks == (is_known ? Blocks{32} : Blocks{}));
  }
}
