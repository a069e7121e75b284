// SPDX-License-Identifier: Apache-2.0
// `ckmerge.recipe` read back. What it looks like is tests/core/recipe/provenance_test.cpp's.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/recipe/provenance.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

const std::string kSha256 = std::string(60, '0') + "beef";

const std::string kText =
    R"({"method":"weighted_sum","parameters":{"alpha":0.3},"dtype":"keep","discard":["x"],"only":[],"exclude":[],)"
    R"("missing":"keep","extra":"drop","expand":"copy","nan":"error","metadata":"keep","set_metadata":{"k":"v"},)"
    R"("hash":false,"inputs":[{"name":"A.safetensors","sha256":null}]})";

std::string with(const std::string& from, const std::string& to) {
  std::string text = kText;
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

void check_refused(const std::string& text, const std::string& sentence) {
  const auto refused = failure([&] { parse_recipe(text); });
  CAPTURE(text.substr(0, 1000));
  CHECK(refused.code == ErrorCode::malformed);
  CHECK(refused.text == sentence);
}

void check_round_trip(Recipe recipe, const std::vector<InputHash>& hashes) {
  const std::string text = recipe_text(recipe, recipe.input_names, hashes);
  CAPTURE(text);
  const RecordedRecipe read = parse_recipe(text);
  CHECK(read.recipe == recipe);
  REQUIRE(read.sha256.size() == hashes.size());
  for (size_t k = 0; k < hashes.size(); ++k) CHECK(read.sha256[k] == hashes[k].sha256);
  CHECK(recipe_text(read.recipe, read.recipe.input_names, hashes) == text);
}

}  // namespace

TEST_CASE("a recipe says which version of the arithmetic it means; the first said nothing") {
  CHECK(parse_recipe(kText).version == 1);
  CHECK(parse_recipe(with("{", "{\"version\":1,")).version == 1);
  CHECK(parse_recipe(with("{", "{\"version\":2,")).version == kRecipeVersion);
  CHECK(parse_recipe(with("{", "{\"version\":3,")).version == kGraphRecipeVersion);
  check_refused(with("{", "{\"version\":4,"), "'version' is not one that this ckmerge knows; a newer one may");
  check_refused(with("{", "{\"version\":1.5,"), "'version' is not one that this ckmerge knows; a newer one may");
  check_refused(with("{", "{\"version\":\"2\","), "'version' is not a number");
  CHECK(recipe_text({}, {}, {}).starts_with("{\"version\":2,\"method\""));
  CHECK(recipe_text({.weights = {{.parameter = "alpha", .selector = "IN*", .values = {0.5}}}}, {}, {})
            .starts_with("{\"version\":3,\"method\""));
  const std::string weights = R"("weights":[{"parameter":"alpha","select":"IN*","value":0.5}],"hash")";
  CHECK(parse_recipe(with("{", "{\"version\":3,")).recipe.weights.empty());
  check_refused(with("\"hash\"", weights), "'weights' is of a later version than the text");
}

TEST_CASE("a recipe with a formula is of version 3; one without stays what it was") {
  const Recipe recipe{
      .method = kFormulaMethod, .formula = Formula{"base + 0.7*(B - base)", {"base", "B"}}, .input_names = {"a", "b"}};
  check_round_trip(recipe, {{}, {}});
  const std::string text = recipe_text(recipe, recipe.input_names, {});
  CHECK(text.starts_with(R"({"version":3,"method":"formula","parameters":{},)"));
  CHECK(text.find(R"x("formula":{"text":"base + 0.7*(B - base)","names":["base","B"]},"inputs")x") != text.npos);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    return changed.replace(changed.find(from), from.size(), to);
  };
  CHECK(parse_recipe(text).version == kGraphRecipeVersion);
  check_refused(replaced("\"version\":3", "\"version\":2"), "'formula' is not known to recipes of version 2");
  check_refused(replaced("\"method\":\"formula\"", "\"method\":\"linear\""), "'formula' stands beside a method");
  CHECK(parse_recipe(replaced("\"parameters\":{}", "\"parameters\":{\"t\":1}")).recipe.parameters.at("t") ==
        std::vector{1.0});
  check_refused(replaced("\"names\"", "\"named\""), "'formula' is not {text, names}");
}

TEST_CASE("a recipe reads back as it was") {
  check_round_trip({}, {});
  check_round_trip({.weights = {{.parameter = "alpha", .selector = "OUT*", .values = {0, 0.1}},
                                {.parameter = "alpha", .by = WeightRule::By::list, .values = {0.5, 1}}}},
                   {});
  check_round_trip({.rules = {{.match = {"OUT*", "/x/"}, .formula = "A", .dtype = "f16"},
                              {.match = {"IN00"}, .drop = true},
                              {.match = {"IN01"}, .copy = "B"},
                              {.match = {"M00"}, .dtype = "keep"}}},
                   {});
  check_round_trip({.input_names = {"A", "B"}}, {{}, {kSha256, "01234567"}});
  check_round_trip({.input_names = {"A", "B"}, .input_keys = {"", "state_dict.\xc3\xa9\""}}, {{}, {kSha256, "0"}});
  check_round_trip({.method = "of the future",
                    .parameters = {{"weights", {0.1, -0.0, 5e-324, 1.7976931348623157e308}}, {"t", {1e-7}}, {"e", {}}},
                    .dtype = Dtype::BF16,
                    .discard = {"", "\\d+\n\"", std::string("a\0b", 3)},
                    .only = {"caf\xc3\xa9", "\xf0\x9f\x98\x80"},
                    .exclude = {"\x7f\x1b"},
                    .missing = MissingPolicy::error,
                    .extra = ExtraPolicy::error,
                    .expand = ExpandPolicy::zero,
                    .nan = NanPolicy::warn,
                    .metadata = MetadataPolicy::none,
                    .set_metadata = {{"b", "1"}, {"a", "2"}, {"", ""}},
                    .hash = true,
                    .input_names = {"\\", "..", "x y"}},
                   {{kSha256, ""}, {}, {}});
  check_round_trip({.rounding = RoundingPolicy::stochastic, .seed = kMostSeed}, {});
  for (const DtypeInfo& row : kDtypes)
    if (is_real(row.dtype)) check_round_trip({.dtype = row.dtype}, {});
}

TEST_CASE("members may stand in any order, but each must be there, once, and no other") {
  const std::string moved = "{\"hash\":true," + with("\"hash\":false,", "").substr(1);
  CHECK(parse_recipe(moved).recipe.hash);
  check_refused(with("\"hash\":false,", ""), "'hash' is missing");
  check_refused(with("\"inputs\":[{\"name\":\"A.safetensors\",\"sha256\":null}]", "\"input\":[]"),
                "'inputs' is missing");
  check_refused(with("\"hash\":false", "\"hash\":false,\"hash\":false"), "a member is there twice: 'hash'");
  check_refused(with("\"hash\":false", "\"hash\":false,\"new\":1"), "'new' is unknown; a newer ckmerge may know it");
}

TEST_CASE("a member of the wrong type or value is named") {
  check_refused(with("\"weighted_sum\"", "1"), "'method' is not a string");
  for (const char* const seed : {"-1", "1.5", "\"1\"", "9007199254740992"})
    check_refused(with("\"hash\":false", std::string("\"hash\":false,\"seed\":") + seed),
                  "'seed' is not a whole number from 0 to 2^53 - 1");
  check_refused(with("{\"alpha\":0.3}", "[]"), "'parameters' is not an object");
  check_refused(with("0.3", "\"0.3\""), "'alpha' is not a number");
  check_refused(with("0.3", "[1,null]"), "'alpha' is not a number");
  check_refused(with("0.3", "[[1]]"), "'alpha' is not a number");
  check_refused(with("\"dtype\":\"keep\"", "\"dtype\":\"F16\""), "'dtype' has a value that this ckmerge does not know");
  check_refused(with("\"dtype\":\"keep\"", "\"dtype\":\"i64\""), "'dtype' has a value that this ckmerge does not know");
  check_refused(with("[\"x\"]", "\"x\""), "'discard' is not an array of strings");
  check_refused(with("[\"x\"]", "[true]"), "'discard' is not a string");
  check_refused(with("\"missing\":\"keep\"", "\"missing\":\"Keep\""),
                "'missing' has a value that this ckmerge does not know");
  check_refused(with("{\"k\":\"v\"}", "{\"k\":1}"), "'set_metadata' is not a string");
  check_refused(with("\"hash\":false", "\"hash\":0"), "'hash' is not true or false");
}

TEST_CASE("an input is a file's name and a hash") {
  const std::string input = "{\"name\":\"A.safetensors\",\"sha256\":null}";
  check_refused(with(input, "\"A\""), "'inputs' is not an array of {name, sha256}");
  check_refused(with(input, "{\"name\":\"A\"}"), "'inputs' is not an array of {name, sha256}");
  check_refused(with("A.safetensors", "a/../../A"), "'inputs' has a name that is no file's name");
  check_refused(with("A.safetensors", "a\\u0000"), "'inputs' has a name that is no file's name");
  check_refused(with("A.safetensors", ""), "'inputs' has a name that is no file's name");
  check_refused(with("\"sha256\":null", "\"sha256\":\"abc\""), "'inputs' has a sha256 that is not 64 hex digits");
  check_refused(with("\"sha256\":null", "\"sha256\":\"" + std::string(64, 'A') + "\""),
                "'inputs' has a sha256 that is not 64 hex digits");
  check_refused(with("[" + input + "]", input), "'inputs' is not an array");
}

TEST_CASE("a hostile recipe is refused within bounds") {
  CHECK(failure([] { parse_recipe(""); }).text.starts_with("it is not valid JSON: "));
  check_refused("[]", "it is not an object");
  check_refused(std::string(17 << 20, ' '), "it has 17825792 bytes, more than 16777216");
  check_refused(std::string(500, '[') + std::string(500, ']'), "it is nested more than 8 deep");
  std::string many = "[";
  for (int i = 0; i < 300000; ++i) many += "\"\",";
  check_refused(with("[\"x\"]", many + "\"\"]"), "it holds more than 262144 values");
  CHECK(failure([] { parse_recipe(with("0.3", "1e999")); }).code == ErrorCode::malformed);
  CHECK(failure([] { parse_recipe(std::string(1000000, '[')); }).code == ErrorCode::malformed);
}

TEST_CASE("what was equated is recorded of each input, read, and means nothing for the merge") {
  const std::vector<std::vector<std::string>> equated{{}, {"flux: diffusers to original, 780 tensors", "4 names"}};
  const std::vector<std::string> names{"A.safetensors", "B.safetensors"};
  const std::string text = recipe_text({}, names, {}, equated);
  CHECK(text.find(R"({"name":"A.safetensors","sha256":null},)") != std::string::npos);
  CHECK(text.find(R"("sha256":null,"equated":["flux: diffusers to original, 780 tensors","4 names"]})") !=
        std::string::npos);
  const RecordedRecipe read = parse_recipe(text);
  CHECK(read.equated == equated);
  CHECK(recipe_text(read.recipe, read.recipe.input_names, {}, read.equated) == text);
  const std::string shown = R"("sha256":null)";
  check_refused(with(shown, shown + R"(,"equated":"x")"), "'inputs' is not an array of strings");
  check_refused(with(shown, shown + R"(,"equated":[],"key":"x")"), "'inputs' is not an array of {name, sha256}");
}

TEST_CASE("slices are recorded, and read back as they were") {
  const Recipe recipe{
      .operands = {{{.input = 1, .begin = 0, .end = 2}, {.input = 0, .run = "visual.blocks", .begin = 3, .end = 4}},
                   {{.input = 0}}},
      .input_names = {"A.safetensors", "B.safetensors"}};
  check_round_trip(recipe, {{}, {}});
  const std::string text = recipe_text(recipe, recipe.input_names, {});
  CHECK(text.starts_with("{\"version\":3,"));
  CHECK(text.find(R"("operands":[[{"input":1,"layers":[0,2]},{"input":0,"layers":[3,4],"run":"visual.blocks"}],)") !=
        std::string::npos);
  const auto with_operands = [](const std::string& operands) {
    return with("{", R"({"version":3,"operands":)" + operands + ",");
  };
  check_refused(with("{", R"({"version":2,"operands":[[{"input":0,"layers":[0,1]}]],)"),
                "'operands' is of a later version than the text");
  check_refused(with_operands(R"([[{"input":1,"layers":[0,1]}]])"),
                "'operands' has a slice of an input that there is not");
  check_refused(with_operands(R"([[{"input":0,"layers":[2,1]}]])"),
                "'operands' has a slice that ends before it begins");
  check_refused(with_operands(R"([[{"input":0,"layers":[1]}]])"),
                "'operands' has a slice of which 'layers' is not [FROM, TO]");
  check_refused(with_operands(R"([[]])"), "'operands' has an operand without slices");
  check_refused(with_operands(R"([[{"input":0}],[{"input":0}]])"), "'operands' are more than there are inputs");
  check_refused(with_operands(R"([[{"layer":0}]])"),
                "'operands' has a slice with 'layer', which is unknown; a newer ckmerge may know it");
}
