// SPDX-License-Identifier: Apache-2.0
#include "tests/core/matrices/small_networks.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace ckmerge::test {
namespace {

using Order = std::vector<uint64_t>;

class Maker {
 public:
  explicit Maker(uint64_t seed) : draw_(seed) {}

  void add(const std::string& name, std::vector<uint64_t> shape) {
    SmallTensor tensor{.shape = std::move(shape), .values = {}};
    uint64_t count = 1;
    for (const uint64_t side : tensor.shape) count *= side;
    for (uint64_t i = 0; i < count; ++i)  // that BF16 holds
      tensor.values.push_back(static_cast<float>(static_cast<int>(draw_() % 255) - 127) / 64.0F);
    network[name] = std::move(tensor);
  }
  void layer(const std::string& name, uint64_t out, uint64_t in, uint64_t side = 0) {
    add(name + ".weight", side == 0 ? std::vector{out, in} : std::vector{out, in, side, side});
    add(name + ".bias", {out});
  }
  void norm(const std::string& name, uint64_t channels) {
    add(name + ".weight", {channels});
    add(name + ".bias", {channels});
  }

  SmallNetwork network;

 private:
  std::mt19937_64 draw_;
};

class Shuffle {
 public:
  explicit Shuffle(uint64_t seed) : draw_(seed) {}

  Order order(uint64_t count) {
    Order out(count);
    std::iota(out.begin(), out.end(), uint64_t{0});
    std::shuffle(out.begin(), out.end(), draw_);
    return out;
  }

 private:
  std::mt19937_64 draw_;
};

// Index i of the axis becomes what was order[i].
void reorder(SmallNetwork& network, const std::string& name, size_t axis, const Order& order) {
  SmallTensor& tensor = network.at(name);
  const std::vector<float> before = tensor.values;
  uint64_t behind = 1;
  for (size_t k = axis + 1; k < tensor.shape.size(); ++k) behind *= tensor.shape[k];
  for (uint64_t i = 0; i < before.size(); ++i) {
    const uint64_t at = i / behind % order.size();
    tensor.values[i] = before[i + order[at] * behind - at * behind];
  }
}

// Channels within blocks, blocks as wholes: order of all channels.
Order of_blocks(const Order& blocks, const std::vector<Order>& within) {
  Order all;
  for (const uint64_t block : blocks)
    for (const uint64_t channel : within[block]) all.push_back(block * within[block].size() + channel);
  return all;
}

Order beside(const std::vector<Order>& orders) {
  Order all;
  for (const Order& order : orders) {
    const uint64_t first = all.size();
    for (const uint64_t index : order) all.push_back(first + index);
  }
  return all;
}

Order random_blocks(Shuffle& shuffle, const Order& blocks, uint64_t channels) {
  std::vector<Order> within;
  for (size_t k = 0; k < blocks.size(); ++k) within.push_back(shuffle.order(channels));
  return of_blocks(blocks, within);
}

void reorder_layers(SmallNetwork& network, const std::string& in, const std::string& out, const Order& order) {
  reorder(network, in + ".weight", 0, order);
  reorder(network, in + ".bias", 0, order);
  reorder(network, out + ".weight", 1, order);
}

}  // namespace

SmallNetwork text_encoders(uint64_t seed) {
  Maker maker(seed);
  const std::string hf = "cond_stage_model.transformer.text_model.encoder.layers.0.";
  for (const char* const name : {"q_proj", "k_proj", "v_proj"}) maker.layer(hf + "self_attn." + name, 512, 9);
  maker.layer(hf + "self_attn.out_proj", 9, 512);
  maker.layer(hf + "mlp.fc1", 20, 9);
  maker.layer(hf + "mlp.fc2", 9, 20);
  maker.norm(hf + "layer_norm1", 9);
  const std::string open = "conditioner.embedders.1.model.transformer.resblocks.3.";
  maker.add(open + "attn.in_proj_weight", {3 * 512, 7});
  maker.add(open + "attn.in_proj_bias", {3 * 512});
  maker.layer(open + "attn.out_proj", 7, 512);
  maker.layer(open + "mlp.c_fc", 18, 7);
  maker.layer(open + "mlp.c_proj", 7, 18);
  maker.add("conditioner.embedders.1.model.text_projection", {7, 7});
  return std::move(maker.network);
}

SmallNetwork permuted_text_encoders(SmallNetwork network, uint64_t seed) {
  Shuffle shuffle(seed);
  const std::string hf = "cond_stage_model.transformer.text_model.encoder.layers.0.";
  Order heads = shuffle.order(8), qk = random_blocks(shuffle, heads, 64), vo = random_blocks(shuffle, heads, 64);
  for (const char* const name : {"q_proj", "k_proj"})
    for (const char* const kind : {".weight", ".bias"}) reorder(network, hf + "self_attn." + name + kind, 0, qk);
  reorder_layers(network, hf + "self_attn.v_proj", hf + "self_attn.out_proj", vo);
  reorder_layers(network, hf + "mlp.fc1", hf + "mlp.fc2", shuffle.order(20));
  const std::string open = "conditioner.embedders.1.model.transformer.resblocks.3.";
  heads = shuffle.order(8);
  qk = random_blocks(shuffle, heads, 64);
  vo = random_blocks(shuffle, heads, 64);
  for (const char* const name : {"attn.in_proj_weight", "attn.in_proj_bias"})
    reorder(network, open + name, 0, beside({qk, qk, vo}));
  reorder(network, open + "attn.out_proj.weight", 1, vo);
  reorder_layers(network, open + "mlp.c_fc", open + "mlp.c_proj", shuffle.order(18));
  return network;
}

SmallNetwork stable_diffusion(uint64_t text_channels, uint64_t inner_channels, uint64_t seed) {
  Maker maker(seed);
  const std::string unet = "model.diffusion_model.", block = unet + "input_blocks.4.1.transformer_blocks.0.";
  for (const char* const module : {"attn1.", "attn2."}) {
    const uint64_t in = module[4] == '1' ? 6 : text_channels;
    maker.add(block + module + "to_q.weight", {inner_channels, 6});
    maker.add(block + module + "to_k.weight", {inner_channels, in});
    maker.add(block + module + "to_v.weight", {inner_channels, in});
    maker.layer(block + module + "to_out.0", 6, inner_channels);
  }
  maker.layer(block + "ff.net.0.proj", 2 * 14, 6);
  maker.layer(block + "ff.net.2", 6, 14);
  maker.norm(block + "norm1", 6);
  maker.layer(unet + "time_embed.0", 15, 5);
  maker.layer(unet + "time_embed.2", 6, 15);
  maker.layer(unet + "label_emb.0.0", 16, 4);
  maker.layer(unet + "label_emb.0.2", 6, 16);
  const std::string residual = unet + "input_blocks.4.0.";
  maker.norm(residual + "in_layers.0", 5);
  maker.layer(residual + "in_layers.2", 64, 5, 3);
  maker.layer(residual + "emb_layers.1", 64, 6);
  maker.norm(residual + "out_layers.0", 64);
  maker.layer(residual + "out_layers.3", 6, 64, 3);
  maker.layer(residual + "skip_connection", 6, 5, 1);
  maker.layer(unet + "input_blocks.0.0", 5, 4, 3);
  const std::string vae = "first_stage_model.decoder.mid.";
  maker.norm(vae + "block_1.norm1", 5);
  maker.layer(vae + "block_1.conv1", 96, 5, 3);
  maker.norm(vae + "block_1.norm2", 96);
  maker.layer(vae + "block_1.conv2", 5, 96, 3);
  maker.norm(vae + "attn_1.norm", 5);
  for (const char* const name : {"q", "k", "v"}) maker.layer(vae + "attn_1." + name, 11, 5, 1);
  maker.layer(vae + "attn_1.proj_out", 5, 11, 1);
  return std::move(maker.network);
}

SmallNetwork permuted_stable_diffusion(SmallNetwork network, uint64_t heads, uint64_t seed) {
  Shuffle shuffle(seed);
  const std::string unet = "model.diffusion_model.", block = unet + "input_blocks.4.1.transformer_blocks.0.";
  for (const char* const module : {"attn1.", "attn2."}) {
    const uint64_t channels = network.at(block + module + "to_q.weight").shape[0] / heads;
    const Order order = shuffle.order(heads);
    const Order qk = random_blocks(shuffle, order, channels), vo = random_blocks(shuffle, order, channels);
    reorder(network, block + module + "to_q.weight", 0, qk);
    reorder(network, block + module + "to_k.weight", 0, qk);
    reorder(network, block + module + "to_v.weight", 0, vo);
    reorder(network, block + module + "to_out.0.weight", 1, vo);
  }
  const Order hidden = shuffle.order(14);
  for (const char* const name : {"ff.net.0.proj.weight", "ff.net.0.proj.bias"})
    reorder(network, block + name, 0, beside({hidden, hidden}));
  reorder(network, block + "ff.net.2.weight", 1, hidden);
  reorder_layers(network, unet + "time_embed.0", unet + "time_embed.2", shuffle.order(15));
  reorder_layers(network, unet + "label_emb.0.0", unet + "label_emb.0.2", shuffle.order(16));
  const std::string residual = unet + "input_blocks.4.0.";
  const Order groups = random_blocks(shuffle, shuffle.order(32), 2);
  reorder_layers(network, residual + "in_layers.2", residual + "out_layers.3", groups);
  for (const char* const name : {"emb_layers.1", "out_layers.0"})
    for (const char* const kind : {".weight", ".bias"}) reorder(network, residual + name + kind, 0, groups);
  const std::string vae = "first_stage_model.decoder.mid.";
  const Order of_vae = random_blocks(shuffle, shuffle.order(32), 3);
  reorder_layers(network, vae + "block_1.conv1", vae + "block_1.conv2", of_vae);
  for (const char* const kind : {".weight", ".bias"}) reorder(network, vae + "block_1.norm2" + kind, 0, of_vae);
  const Order qk = shuffle.order(11);
  for (const char* const name : {"attn_1.q", "attn_1.k"})
    for (const char* const kind : {".weight", ".bias"}) reorder(network, vae + name + kind, 0, qk);
  reorder_layers(network, vae + "attn_1.v", vae + "attn_1.proj_out", shuffle.order(11));
  return network;
}

SmallNetwork llama(uint64_t seed) {
  Maker maker(seed);
  const std::string layer = "model.layers.0.";
  maker.layer(layer + "self_attn.q_proj", 32, 6);
  maker.layer(layer + "self_attn.k_proj", 8, 6);
  maker.layer(layer + "self_attn.v_proj", 8, 6);
  maker.add(layer + "self_attn.o_proj.weight", {6, 32});
  maker.add(layer + "mlp.gate_proj.weight", {24, 6});
  maker.add(layer + "mlp.up_proj.weight", {24, 6});
  maker.add(layer + "mlp.down_proj.weight", {6, 24});
  maker.add(layer + "input_layernorm.weight", {6});
  maker.add("model.embed_tokens.weight", {10, 6});
  return std::move(maker.network);
}

SmallNetwork permuted_llama(SmallNetwork network, uint64_t seed) {
  Shuffle shuffle(seed);
  constexpr uint64_t kShared = 4, kChannels = 4;
  const std::string layer = "model.layers.0.";
  const Order groups = {1, 0};
  Order queries, outputs, keys, values;
  for (const uint64_t group : groups) {
    const Order within = shuffle.order(kChannels);
    for (const uint64_t head : shuffle.order(kShared))
      for (uint64_t x = 0; x < kChannels; ++x) {
        const uint64_t first = (group * kShared + head) * kChannels;
        queries.push_back(first + x);
        outputs.push_back(first + within[x]);
      }
    for (uint64_t x = 0; x < kChannels; ++x) {
      keys.push_back(group * kChannels + x);
      values.push_back(group * kChannels + within[x]);
    }
  }
  for (const char* const kind : {".weight", ".bias"}) {
    reorder(network, layer + "self_attn.q_proj" + kind, 0, queries);
    reorder(network, layer + "self_attn.k_proj" + kind, 0, keys);
    reorder(network, layer + "self_attn.v_proj" + kind, 0, values);
  }
  reorder(network, layer + "self_attn.o_proj.weight", 1, outputs);
  const Order hidden = shuffle.order(24);
  reorder(network, layer + "mlp.gate_proj.weight", 0, hidden);
  reorder(network, layer + "mlp.up_proj.weight", 0, hidden);
  reorder(network, layer + "mlp.down_proj.weight", 1, hidden);
  return network;
}

std::vector<FileTensor> tensors_of(const SmallNetwork& network, Dtype dtype) {
  std::vector<FileTensor> out;
  for (const auto& [name, tensor] : network) {
    if (dtype == Dtype::F32) {
      out.push_back(f32(name, tensor.shape, tensor.values));
      continue;
    }
    std::vector<uint64_t> upper;  // BF16 is the upper half of F32
    for (const float value : tensor.values) {
      uint32_t word = 0;
      std::memcpy(&word, &value, sizeof word);
      upper.push_back(word >> 16);
    }
    out.push_back(bits(name, dtype, tensor.shape, upper));
  }
  return out;
}

}  // namespace ckmerge::test
