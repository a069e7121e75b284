// SPDX-License-Identifier: Apache-2.0
// Every family in the table: its rules go there and back, and its signs tell it. Tensors are made from the rules
// themselves; that these are right is shown by what the converters of others made (tests/layouts).
#include "core/families/model_family.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "core/families/told_component.h"
#include "core/layouts/rewriting.h"
#include "core/layouts/rule_faults.h"
#include "io/text/sentence.h"
#include "tests/core/layouts/traced_table.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using std::string;
using Strings = std::vector<string>;

string with_numbers(string pattern, uint32_t number) {
  for (size_t at; (at = pattern.find('#')) != string::npos;) pattern.replace(at, 1, std::to_string(number));
  return pattern;
}

bool takes(const string& pattern, char blank) {
  return sentence(".", pattern, ".").find(sentence(".", string(1, blank), ".")) != string::npos;
}

uint64_t parts(const LayoutRule& rule) {
  return 1 + static_cast<uint64_t>(std::ranges::count(rule.right, ',')) * (rule.right.find('{') != string::npos);
}

// A shape of the left that the rule takes: of a weight of three columns.
std::vector<uint64_t> shape(const LayoutRule& rule) {
  uint64_t rows = 2 * parts(rule);
  if (rule.cut == RowCut::first_as_columns) rows = 3 + 2 * (parts(rule) - 1);
  if (rule.cut == RowCut::all_but_last_as_columns) rows = 3 * (parts(rule) - 1) + 5;
  if (rule.reshaping == Reshaping::fold) return {2 * rule.fold};
  if (rule.reshaping == Reshaping::square) return {3, 3, 1, 1};
  if (takes(rule.right, '@')) return {12, rows, 3};
  return {rows, 3};
}

void add_tensors(TracedTable& table, std::set<string>& there, const LayoutRule& rule, uint32_t number) {
  const string name = with_numbers(rule.left, number);
  if (name.empty() || !there.insert(name).second) return;
  if (!takes(name, '*')) {
    table.add(name, shape(rule));
    return;
  }
  const string module = name.substr(0, name.size() - 1);
  if (!there.insert(module + "weight").second) return;
  table.add(module + "weight", shape(rule));
  if (rule.reshaping != Reshaping::transpose && there.insert(module + "bias").second)
    table.add(module + "bias", {shape(rule)[0]});
}

std::set<string> sides(const LayoutRules& rules) {
  std::set<string> out;
  for (const LayoutRule& rule : rules) out.insert(sentence(rule.left, " ", rule.right));
  return out;
}

// All that the rules know of, which may know more for a file that has some of it.
Checkpoint whole_model(const ModelFamily& family) {
  Checkpoint checkpoint;
  for (int round = 0; round < 2; ++round) {
    TracedTable table;
    std::set<string> there;
    for (const LayoutRule& rule : family.rules(ComponentNames(checkpoint.tensors, ""), true))
      for (const uint32_t number : {0u, 1u, 12u}) add_tensors(table, there, rule, number);
    checkpoint = table.checkpoint();
  }
  return checkpoint;
}

// One text, which doctest shows.
string joined(const Strings& lines) {
  string text;
  for (const string& line : lines) text += line + "\n";
  return text;
}

Strings told(const Checkpoint& checkpoint) {
  Strings out;
  for (const ToldComponent& component : told_components(checkpoint.tensors))
    out.push_back(sentence(component.prefix, component.prefix.empty() ? "" : " ", component.family->name, " ",
                           name(component.naming())));
  return out;
}

Strings told(const Strings& names) {
  TracedTable table;
  for (const string& name : names) table.add(name, {2, 2});
  return told(table.checkpoint());
}

}  // namespace

TEST_CASE("every family's rules go to the right and back, to the same table") {
  for (const ModelFamily& family : model_families()) {
    if (family.no_way_right || family.no_way_left) continue;
    CAPTURE(string(family.name));
    const Checkpoint given = whole_model(family);
    CHECK(joined(rule_faults(family.rules(ComponentNames(given.tensors, ""), true))) == "");
    REQUIRE(given.tensors.size() > 0);
    Checkpoint checkpoint = copy(given);
    const LayoutRules there = family.rules(ComponentNames(checkpoint.tensors, ""), true);
    const Rewriting right = rewrite(checkpoint, there, Direction::to_right, "", "");
    CHECK(joined(right.carried) == "");
    const LayoutRules back = family.rules(ComponentNames(checkpoint.tensors, ""), false);
    if (sides(there) != sides(back)) continue;  // of no one version: only what real models have goes there and back
    const Rewriting left = rewrite(checkpoint, back, Direction::to_left, "", "");
    CHECK(joined(left.carried) == "");
    CHECK(joined(left.left_out) == "");

    Strings expected;
    for (size_t i = 0; i < given.tensors.size(); ++i)
      if (std::ranges::find(right.left_out, given.tensors.name(i)) == right.left_out.end())
        expected.push_back(rows(given.tensors)[i]);
    CHECK(joined(rows(checkpoint.tensors)) == joined(expected));
  }
}

TEST_CASE("every family is told by its signs alone, bare and behind a prefix") {
  for (const ModelFamily& family : model_families()) {
    for (const bool is_left : {true, false}) {
      const std::vector<std::string_view>& signs = is_left ? family.left_signs : family.right_signs;
      if (signs.empty()) continue;
      CAPTURE(string(family.name));
      for (const string prefix : {"", "net."}) {
        Strings names;
        for (const std::string_view sign : signs)
          if (!sign.starts_with('!')) names.push_back(prefix + with_numbers(string(sign.substr(0, sign.find('|'))), 0));
        CHECK(joined(told(names)) == joined({sentence(prefix, prefix.empty() ? "" : " ", family.name, " ",
                                                      name(is_left ? family.left : family.right))}));
      }
    }
  }
}

TEST_CASE("no family is taken for another") {
  for (const ModelFamily& family : model_families()) {
    if (family.no_way_right || family.no_way_left) continue;
    CAPTURE(string(family.name));
    const string is = sentence(family.name, " ");
    Checkpoint checkpoint = whole_model(family);
    for (const string& line : told(checkpoint)) CHECK(line == is + name(family.left));
    rewrite(checkpoint, family.rules(ComponentNames(checkpoint.tensors, ""), true), Direction::to_right, "", "");
    for (const string& line : told(checkpoint))
      if (!family.right_signs.empty()) CHECK(line == is + name(family.right));
  }
}

TEST_CASE("components are found behind their prefixes, in models that lack blocks too") {
  CHECK(told(Strings{"model.diffusion_model.double_blocks.17.img_attn.qkv.weight",
                     "model.diffusion_model.double_blocks.4.img_mod.lin.weight", "vae.decoder.conv_in.weight"})
            .front() == "model.diffusion_model. flux original");
  CHECK(told(Strings{"double_blocks.x.img_attn.qkv.weight", "double_blocks.0.img_mod.lin.weight"}).empty());
  CHECK(told(Strings{}).empty());
  CHECK(told(Strings{"", ".", "weight", "a..weight"}).empty());
}

TEST_CASE("families that share names are told apart") {
  const string qkv = "double_blocks.0.img_attn.qkv.weight", q = "transformer_blocks.0.attn.to_q.weight";
  CHECK(told(Strings{qkv, "double_blocks.0.img_mod.lin.weight"}) == Strings{"flux original"});
  CHECK(told(Strings{qkv, "distilled_guidance_layer.in_proj.weight"}) == Strings{"chroma original"});
  CHECK(told(Strings{qkv, "distilled_guidance_layer.in_proj.weight", "img_in_patch.weight"}) ==
        Strings{"chroma-radiance original"});
  CHECK(told(Strings{qkv, "double_stream_modulation_img.lin.weight"}) == Strings{"flux2 original"});
  CHECK(told(Strings{q, "distilled_guidance_layer.in_proj.weight"}) == Strings{"chroma diffusers"});
  CHECK(told(Strings{q, "double_stream_modulation_img.linear.weight"}) == Strings{"flux2 diffusers"});
  CHECK(told(Strings{qkv}) == Strings{"flux original"});
  CHECK(told(Strings{qkv, "latent_in.weight"}) == Strings{"hunyuan3d original"});
  CHECK(told(Strings{qkv, "controlnet_blocks.0.weight"}).empty());
  CHECK(told(Strings{qkv, "controlnet_blocks.0.weight", "double_blocks.0.img_mod.lin.weight"}) ==
        Strings{"flux-controlnet original"});
  CHECK(told(Strings{q, "controlnet_blocks.0.weight", "controlnet_x_embedder.weight",
                     "single_transformer_blocks.0.proj_mlp.weight"}) == Strings{"flux-controlnet diffusers"});
  CHECK(told(Strings{q, "controlnet_blocks.0.weight", "pos_embed_input.proj.weight"}) ==
        Strings{"sd3-controlnet diffusers"});
  const string time = "time_caption_embed.caption_embedder.1.weight";
  CHECK(told(Strings{time, "ref_image_patch_embedder.weight", "layers.0.attn.to_q.weight"}) ==
        Strings{"omnigen2 original"});
  const Strings like_flux = {"single_transformer_blocks.0.proj_mlp.weight",
                             "transformer_blocks.0.norm1_context.linear.weight",
                             "time_embed.timestep_embedder.linear_1.weight"};
  CHECK(told(like_flux).empty());
  const string attention = "layers.0.attention.qkv.weight";
  CHECK(told(Strings{attention, "layers.0.adaLN_modulation.0.weight"}) == Strings{"z-image comfy"});
  CHECK(told(Strings{attention, "cap_pad_token"}) == Strings{"z-image comfy"});
  CHECK(told(Strings{attention, "layers.0.adaLN_modulation.1.weight"}) == Strings{"lumina2 original"});
}

TEST_CASE("telling takes time linear in the names") {
  TracedTable table;
  for (int i = 0; i < 50000; ++i) {
    table.add(sentence("p", i, ".double_blocks.0.img_attn.qkv.weight"), {1});
    table.add(sentence("transformer_blocks.", i, ".attn.to_q.weight"), {1});
  }
  const Checkpoint checkpoint = table.checkpoint();
  const auto start = std::chrono::steady_clock::now();
  CHECK(told_components(checkpoint.tensors).size() == 50000);
  // 50 ms where the code is optimized; quadratic time would be minutes.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("an encoder is told once where another class has a module more") {
  const string clip = "encoder.layers.0.self_attn.q_proj.weight";
  CHECK(told(Strings{"te.text_model." + clip, "te.text_model.encoder.layers.0.layer_norm1.weight",
                     "te.text_model.embeddings.position_embedding.weight",
                     "te.text_model.embeddings.token_embedding.weight"})
            .size() == 1);
}
