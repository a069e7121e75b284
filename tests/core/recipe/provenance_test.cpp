// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/provenance.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"
#include "tests/core/recipe/described_files.h"

using namespace ckmerge;
using namespace ckmerge::test;
using ckmerge::test::failure;

namespace {

const std::string kHashA(64, 'a'), kHashB(64, 'b'), kHashC(64, 'c'), kHash1(64, '1');

std::vector<std::string> keys(const Metadata& metadata) {
  std::vector<std::string> out;
  for (const auto& [key, value] : metadata) out.push_back(key);
  return out;
}

const std::string kDefaultRecipe =
    R"({"version":2,"method":"weighted_sum","parameters":{},"dtype":"keep","discard":[],"only":[],"exclude":[],)"
    R"("missing":"keep","extra":"drop","expand":"copy","nan":"error","metadata":"keep","set_metadata":{},)"
    R"("hash":false,"inputs":[{"name":"A.safetensors","sha256":null},{"name":"B.safetensors","sha256":null}]})";

}  // namespace

TEST_CASE("a merge's own fields, to the letter") {
  const Metadata metadata = output_metadata({}, pair(), {}, {});
  CHECK(keys(metadata) == std::vector<std::string>{"ckmerge.recipe", "format", "sd_merge_recipe"});
  CHECK(field(metadata, "ckmerge.recipe") == kDefaultRecipe);
  CHECK(field(metadata, "format") == "pt");
  CHECK(field(metadata, "sd_merge_recipe") ==
        R"({"type": "ckmerge", "primary_model_hash": null, "secondary_model_hash": null, )"
        R"("tertiary_model_hash": null, "interp_method": "Weighted sum", "multiplier": 0.5, "save_as_half": false, )"
        R"("custom_name": "", "config_source": 3, "bake_in_vae": "None", "discard_weights": "", )"
        R"("is_inpainting": false, "is_instruct_pix2pix": false})");
}

TEST_CASE("every member of a recipe is recorded") {
  const Recipe recipe{.method = "linear",
                      .parameters = {{"weights", {0.1, 1e30}}, {"normalize", {0}}},
                      .dtype = Dtype::F8_E4M3,
                      .discard = {"^a\\.", "\"b\""},
                      .only = {"caf\xc3\xa9"},
                      .exclude = {"x"},
                      .missing = MissingPolicy::zero,
                      .extra = ExtraPolicy::add,
                      .expand = ExpandPolicy::zero,
                      .nan = NanPolicy::warn,
                      .metadata = MetadataPolicy::recipe,
                      .set_metadata = {{"z", "1"}, {"a", "\n"}},
                      .hash = true};
  const std::vector<std::string> names{"A", "B"};
  const std::vector<InputHash> hashes{{kHashA, "01234567"}, {kHashB, "89abcdef"}};
  CHECK(recipe_text(recipe, names, hashes) ==
        R"({"version":2,"method":"linear","parameters":{"normalize":0,"weights":[0.1,1e+30]},"dtype":"f8_e4m3",)"
        R"("discard":["^a\\.","\"b\""],"only":["café"],"exclude":["x"],"missing":"zero","extra":"add",)"
        R"("expand":"zero","nan":"warn","metadata":"recipe","set_metadata":{"z":"1","a":"\n"},"hash":true,)"
        R"("inputs":[{"name":"A","sha256":")" +
            kHashA + R"("},{"name":"B","sha256":")" + kHashB + R"("}]})");
}

TEST_CASE("A1111's recipe says in its words what ours says") {
  const auto web = [](const Recipe& recipe, ResultKind kind = {}) {
    return field(output_metadata(recipe, pair(), kind, {}), "sd_merge_recipe");
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  };
  const Recipe difference{.method = "add_difference", .parameters = {{"alpha", {1}}}, .dtype = Dtype::F16};
  has(web(difference), R"("interp_method": "Add difference", "multiplier": 1.0, "save_as_half": true)");
  has(web({.method = "copy"}), R"("interp_method": "No interpolation", "multiplier": null, "save_as_half": false)");
  has(web({.method = "linear"}), R"("interp_method": "linear", "multiplier": null)");
  has(web({.parameters = {{"alpha", {1e-7}}}}), R"("multiplier": 1e-07,)");
  has(web({.parameters = {{"alpha", {1e16}}}, .dtype = Dtype::BF16}), R"("multiplier": 1e+16, "save_as_half": false)");
  has(web({.discard = {"model_ema"}}), R"("discard_weights": "model_ema")");
  has(web({.discard = {"(?i)a", "b"}}), R"("discard_weights": "")");  // the flags would not be the whole's
  has(web({.discard = {"\\Qa", "b"}}), R"("discard_weights": "")");
  has(web({.discard = {"(?:a)\\.", "b"}}), R"("discard_weights": "(?:a)\\.|b")");
  has(web({.discard = {"^a", "b\\.\xc3\xa9"}}), R"("discard_weights": "^a|b\\.\u00e9")");
  has(web({}, {.inpainting = true}), R"("is_inpainting": true, "is_instruct_pix2pix": false})");
  has(web({}, {.instruct_pix2pix = true}), R"("is_inpainting": false, "is_instruct_pix2pix": true})");
}

TEST_CASE("fields are the user's, then A's, then B's, beside ours; what is true of parents only is not copied") {
  const Metadata a{
      {"format", "np"}, {"modelspec.hash_sha256", "0x1"}, {"modelspec.thumbnail", "data:"}, {"modelspec.title", "A"},
      {"only_a", "1"},  {"sshs_model_hash", "1"},         {"sd_merge_models", "{}"}};
  const Metadata b{
      {"ckmerge.recipe", "{}"}, {"modelspec.title", "B"}, {"only_b", "2"}, {"sd_merge_recipe", "{}"}, {"sshs", "kept"}};
  const Metadata kept = output_metadata({.set_metadata = {{"only_a", "mine"}, {"new", "3"}}}, pair(a, b), {}, {});
  CHECK(keys(kept) == std::vector<std::string>{"ckmerge.recipe", "format", "modelspec.title", "new", "only_a", "only_b",
                                               "sd_merge_recipe", "sshs"});
  CHECK(field(kept, "format") == "np");
  CHECK(field(kept, "modelspec.title") == "A");
  CHECK(field(kept, "only_a") == "mine");
  CHECK(field(kept, "ckmerge.recipe").starts_with(R"({"version":2,"method":"weighted_sum")"));
  CHECK(field(kept, "sd_merge_recipe").starts_with(R"({"type": "ckmerge")"));

  const Recipe ours{.metadata = MetadataPolicy::recipe, .set_metadata = {{"new", "3"}}};
  CHECK(keys(output_metadata(ours, pair(a, b), {}, {})) ==
        std::vector<std::string>{"ckmerge.recipe", "format", "new", "sd_merge_recipe"});
  CHECK(output_metadata({.metadata = MetadataPolicy::none}, pair(a, b), {}, {}) == Metadata{{"format", "np"}});
  const Recipe given{.metadata = MetadataPolicy::set, .set_metadata = {{"new", "3"}, {"sd_merge_recipe", "{}"}}};
  CHECK(output_metadata(given, pair(a, b), {}, {}) ==
        Metadata{{"format", "np"}, {"new", "3"}, {"sd_merge_recipe", "{}"}});
  CHECK(output_metadata({.metadata = MetadataPolicy::set}, pair({}, b), {}, {}).empty());
}

TEST_CASE("what says how a file is read is A's, whoever else has it") {
  const Metadata a{{"license", "mit"}, {"model_version", "0.9.5"}};
  const Metadata b{{"config", "{}"},
                   {"license", "nc"},
                   {"model_version", "0.9.0"},
                   {"modelspec.prediction_type", "v"},
                   {"modelspec.title", "B"}};
  const Metadata kept = output_metadata({}, pair(a, b), {}, {});
  CHECK(field(kept, "config") == "(absent)");
  CHECK(field(kept, "model_version") == "0.9.5");
  CHECK(field(kept, "license") == "mit");
  CHECK(field(kept, "modelspec.prediction_type") == "(absent)");
  CHECK(field(kept, "modelspec.title") == "B");
  // A1111's rule, for A1111's keys.
  const Metadata last = output_metadata({.metadata = MetadataPolicy::last}, pair(a, b), {}, {});
  CHECK(field(last, "license") == "nc");
  CHECK(field(last, "model_version") == "0.9.5");
  CHECK(field(last, "config") == "(absent)");
  // One card describes one model.
  const Metadata card = output_metadata({}, pair({{"modelspec.title", "A"}}, {{"modelspec.author", "B"}}), {}, {});
  CHECK(field(card, "modelspec.author") == "(absent)");
  // The unet's, where files are put together.
  Recipe composed{.roles = {"te", "unet"}};
  CHECK(field(output_metadata(composed, pair(a, b), {}, {}), "config") == "{}");
  CHECK(field(output_metadata(composed, pair(a, b), {}, {}), "license") == "nc");
}

TEST_CASE("fields that are not the user's to set are refused by name") {
  const auto refused = [](const Recipe& recipe) { return failure([&] { output_metadata(recipe, pair(), {}, {}); }); };
  for (const char* key : {"format", "ckmerge.recipe", "sd_merge_recipe", "sd_merge_models"}) {
    const auto fault = refused({.set_metadata = {{key, "x"}}});
    CHECK(fault.code == ErrorCode::usage);
    CHECK(fault.text == "the metadata field '" + std::string(key) + "' cannot be set: ckmerge writes it itself");
  }
  CHECK(refused({.metadata = MetadataPolicy::none, .set_metadata = {{"k", "v"}}}).text ==
        "the metadata field 'k' cannot be set: with metadata none the format is all that is written");
  CHECK(refused({.set_metadata = {{"k", "v"}, {"k", "w"}}}).text ==
        "the metadata field 'k' cannot be set: it is set twice");
  CHECK(refused({.set_metadata = {{"k", "\xff"}}}).text == "the metadata field 'k' cannot be set: it is not UTF-8");
}

TEST_CASE("names are base names in UTF-8, or those of the recipe") {
  std::vector<Checkpoint> checkpoints = pair();
  checkpoints.push_back(checkpoint("/x/\xff y.safetensors"));
  CHECK(recorded_names({}, checkpoints) ==
        std::vector<std::string>{"A.safetensors", "B.safetensors", "\xef\xbf\xbd y.safetensors"});
  CHECK(recorded_names({.input_names = {"one", "../two", "three"}}, checkpoints) ==
        std::vector<std::string>{"one", "two", "three"});
}

// ---- hashes and ancestors

namespace {

std::string models(const std::vector<Checkpoint>& checkpoints, const std::vector<InputHash>& hashes) {
  return field(output_metadata({.hash = true}, checkpoints, {}, hashes), "sd_merge_models");
}

std::string entry(const std::string& name, const std::string& legacy, const std::string& recipe) {
  return R"({"name": ")" + name + R"(", "legacy_hash": ")" + legacy + R"(", "sd_merge_recipe": )" + recipe + "}";
}

std::string member(const std::string& key, const std::string& json) { return "\"" + key + "\": " + json; }

const std::vector<InputHash> kHashes{{kHashA, "aaaaaaaa"}, {kHashB, "bbbbbbbb"}};

}  // namespace

TEST_CASE("with hashes the recipes hold them, and the parents are listed with their ancestors folded in") {
  const Metadata a{{"sd_merge_models", "{\"" + kHash1 + R"(":{"x":1.50,"y":[1,2]},")" + kHashC + R"(":{"name":"c"}})"},
                   {"sd_merge_recipe", R"({"type":"webui","multiplier":0.30})"}};
  const Metadata merged = output_metadata({.hash = true}, pair(a), {}, kHashes);
  CHECK(field(merged, "sd_merge_models") ==
        "{" + member(kHashA, entry("A.safetensors", "aaaaaaaa", R"({"type": "webui", "multiplier": 0.30})")) + ", " +
            member(kHash1, R"({"x": 1.50, "y": [1, 2]})") + ", " + member(kHashC, R"({"name": "c"})") + ", " +
            member(kHashB, entry("B.safetensors", "bbbbbbbb", "null")) + "}");
  CHECK(field(merged, "sd_merge_recipe")
            .find(R"("primary_model_hash": ")" + kHashA + R"(", "secondary_model_hash": ")" + kHashB +
                  R"(", "tertiary_model_hash": null)") != std::string::npos);
  CHECK(field(merged, "ckmerge.recipe").find(R"({"name":"B.safetensors","sha256":")" + kHashB) != std::string::npos);
  CHECK(field(output_metadata({}, pair(a), {}, kHashes), "sd_merge_models") == "(absent)");
}

TEST_CASE("a parent that is an ancestor too keeps its first place and takes its last value, as dict.update does") {
  const Metadata a{{"sd_merge_models", "{\"" + kHashB + R"(":{"name":"old"},")" + kHash1 + "\":{}}"}};
  const Metadata b{{"sd_merge_models", "{\"" + kHashA + R"(":{"name":"loop"}})"}};
  CHECK(models(pair(a, b), kHashes) == "{" + member(kHashA, R"({"name": "loop"})") + ", " +
                                           member(kHashB, entry("B.safetensors", "bbbbbbbb", "null")) + ", " +
                                           member(kHash1, "{}") + "}");
}

TEST_CASE("hashes of any value take the space of stand-ins, or less where they are equal") {
  const Metadata b{{"sd_merge_models", "{\"" + kHashA + R"(":{"name":"old"}})"}};
  const size_t real = models(pair({}, b), kHashes).size();
  const std::vector<InputHash> stand_ins = stand_in_hashes(2);
  CHECK(models(pair({}, b), stand_ins).size() ==
        real + member(kHashA, entry("A.safetensors", "aaaaaaaa", "null")).size() + 2);
  CHECK(models(pair(), stand_ins).size() == models(pair(), kHashes).size());
}

TEST_CASE("a parent's field that is not what it should be is as good as absent") {
  const auto repeated = [](size_t count, const std::string& text) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += text;
    return out;
  };
  const std::string plain = models(pair(), kHashes);
  const std::vector<std::string> hostile{"",
                                         "null",
                                         "[]",
                                         "7",
                                         "\"{}\"",
                                         "{",
                                         R"({"a":1})"
                                         "x",
                                         R"({"a":"\ud800"})",
                                         R"({"a":{"b":NaN}})",
                                         repeated(500, "["),
                                         repeated(500, R"({"a":)"),
                                         repeated(17, R"({"a":)") + "1" + repeated(17, "}") + std::string(17, ' '),
                                         R"({"a":{"b":")" + std::string(50 << 20, 'x') + "\"}}",
                                         "{\"a\":[" + repeated(70000, "1,") + "1]}"};
  for (const std::string& text : hostile) {
    CAPTURE(text.substr(0, 40));
    CHECK(models(pair({{"sd_merge_recipe", text}}), kHashes) == plain);
  }
  for (const std::string& text : hostile) {
    if (text.starts_with(R"({"a":{"a":)") && text.size() < 1000) continue;  // deep for a recipe, not for a list
    CAPTURE(text.substr(0, 40));
    CHECK(models(pair({{"sd_merge_models", text}}), kHashes) == plain);
  }
}

TEST_CASE(
    "of a list of ancestors, entries that are no objects or under no sum are left out; the last of a sum counts") {
  const auto key = [](char digit) { return "\"" + std::string(64, digit) + "\":"; };
  const std::string capital = "\"" + std::string(64, 'A') + "\":{}", short_key = "\"" + std::string(63, '1') + "\":{}";
  const Metadata a{{"sd_merge_models", "{" + key('1') + "{\"old\":0}," + key('2') + "5," + key('3') + "null," +
                                           key('4') + "\"x\"," + key('!') + "{}," + capital + "," + short_key +
                                           ",\"\":{}," + key('1') + R"({"a":1,"b":2,"a":3}})"}};
  CHECK(models(pair(a), kHashes) == "{" + member(kHashA, entry("A.safetensors", "aaaaaaaa", "null")) + ", " +
                                        member(kHash1, R"({"a": 3, "b": 2})") + ", " +
                                        member(kHashB, entry("B.safetensors", "bbbbbbbb", "null")) + "}");
}
