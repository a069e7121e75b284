// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/inherited_metadata.h"

#include <doctest/doctest.h>

#include "core/recipe/provenance.h"
#include "tests/core/recipe/described_files.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("what inputs say against each other is warned of with both values, shortened") {
  const std::string text(100, 'x');
  const auto warnings = [](const Metadata& a, const Metadata& b, MetadataPolicy policy = MetadataPolicy::keep) {
    return inheritance_warnings({.metadata = policy}, pair(a, b));
  };
  const auto told = warnings({{"config", text + "1"}}, {{"config", text + "2"}});
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("config is '...") != std::string::npos);
  CHECK(told[0].find("x1' in models/A.safetensors and '...") != std::string::npos);
  CHECK(told[0].find("x2' in B.safetensors; that of models/A.safetensors is kept") != std::string::npos);
  CHECK(warnings({{"modelspec.title", "A"}}, {{"modelspec.title", "B"}}).empty());
  CHECK(warnings({{"config", "1"}}, {{"config", "1"}}).empty());
  CHECK(warnings({}, {{"config", "1"}}).size() == 1);
  CHECK(warnings({{"license", "mit"}}, {{"license", "nc"}}).size() == 1);
  CHECK(warnings({{"license", "mit"}}, {{"license", "nc"}}, MetadataPolicy::recipe).empty());
}

TEST_CASE("the last input's fields are warned of as the first's are, and JSON is compared as such") {
  const auto warnings = [](const Metadata& a, const Metadata& b, Recipe recipe = {}) {
    return inheritance_warnings(recipe, pair(a, b));
  };
  const Recipe last{.metadata = MetadataPolicy::last};
  const auto licence = warnings({{"license", "mit"}}, {{"license", "nc"}}, last);
  REQUIRE(licence.size() == 1);
  CHECK(licence[0] ==
        "metadata: license is 'nc' in B.safetensors and 'mit' in models/A.safetensors; "
        "that of B.safetensors is kept");
  const auto config = warnings({{"config", "1"}}, {{"config", "2"}}, last);
  REQUIRE(config.size() == 1);
  CHECK(config[0].find("that of models/A.safetensors is kept") != std::string::npos);

  const std::string object = R"({"a": [1, 2], "b": {"c": "d", "e": null}})";
  CHECK(warnings({{"config", object}}, {{"config", R"({"b":{"e":null,"c":"d"},"a":[1,2]})"}}).empty());
  for (const char* other : {R"({"a": [2, 1], "b": {"c": "d", "e": null}})", R"({"a": [1, 2], "b": {"c": "d"}})",
                            R"({"a": [1, 2], "b": {"c": "d", "e": false}})", R"({"a": [1, 2]})", "no JSON"})
    CHECK(warnings({{"config", object}}, {{"config", other}}).size() == 1);
  CHECK(say_the_same("a", "a"));
  CHECK(!say_the_same("[true]", "[false]"));
  CHECK(!say_the_same(R"(["1"])", "[1]"));
}

TEST_CASE("what the user sets, and what is said of a part that the result has not, are no contradictions") {
  const auto count = [](const char* key, Recipe recipe) {
    return inheritance_warnings(recipe, pair({{key, "x"}}, {{key, "y"}})).size();
  };
  CHECK(count("config", {.set_metadata = {{"config", "z"}}}) == 0);
  CHECK(count("config", {.set_metadata = {{"license", "z"}}}) == 1);
  CHECK(count("modelspec.prediction_type", {.parts = {"vae", "te"}}) == 0);
  CHECK(count("modelspec.prediction_type", {.parts = {"vae", "unet"}}) == 1);
  const std::vector<Checkpoint> v = pair({{"modelspec.prediction_type", "v"}}, {});
  CHECK(field(output_metadata({.parts = {"vae"}}, v, {}, {}), "modelspec.prediction_type") == "(absent)");
  CHECK(field(output_metadata({.parts = {"unet"}}, v, {}, {}), "modelspec.prediction_type") == "v");
  const Recipe composed{.roles = {"unet", "te"}};
  CHECK(count("modelspec.prediction_type", composed) == 0);
  CHECK(count("license", composed) == 1);
}

TEST_CASE("the configuration of a VAE that is baked in is told where it is left out") {
  const auto warnings = [](const Metadata& a) {
    return inheritance_warnings({.bake_vae = true}, pair(a, {{"config", "1"}, {"license", "mit"}}));
  };
  REQUIRE(warnings({{"license", "nc"}}).size() == 1);
  CHECK(warnings({})[0] == "metadata: config of B.safetensors is left out, '1': models/A.safetensors has none");
  CHECK(warnings({{"config", "2"}}).empty());
}
