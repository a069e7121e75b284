// SPDX-License-Identifier: Apache-2.0
// JSON to requests: what each kind of value becomes, and what is refused with which words.
#include "cli/capi/request_json.h"

#include <doctest/doctest.h>

#include "cli/capi/option_texts.h"
#include "cli/capi/request_options.h"
#include "io/text/json_value.h"

using namespace ckmerge;
using namespace ckmerge::cli;
using Texts = std::vector<std::string>;

namespace {

Texts texts(const char* option, const std::string& json, Command command = Command::merge) {
  for (const OptionSpec& spec : request_options(command))
    if (spec.name == option) return option_texts(spec, parse_json(json));
  FAIL("no such option: ", option);
  return {};
}

// What is wrong with a request, a line for each, with where it is.
Texts faults(const std::string& json) {
  try {
    read_request_json(json).refused.raise();
  } catch (const GatheredFaults& gathered) {
    return gathered.details();
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::usage);
    return {error.what(), error.where()};
  }
  return {};
}

}  // namespace

TEST_CASE("a request says what a command line says") {
  const Request request = read_request_json(
      R"({"command": "merge", "inputs": ["A.safetensors", "-f"], "options": {"output": "o.safetensors", "alpha": 0.1e1,
          "only": ["a,b", "[c]"], "dtype": ["bf16", "/norm/=f32"], "force": true, "verify": false, "no-fsync": true,
          "memory": 268435456, "threads": 2, "exclude": null, "discard": []}})");
  request.refused.raise();
  CHECK(request.command == Command::merge);
  CHECK(request.operands == Texts{"A.safetensors", "-f"});
  const Settings& said = request.settings;
  CHECK(said.json);
  CHECK(said.output == "o.safetensors");
  CHECK(said.recipe.parameters.at("alpha") == std::vector<double>{1});
  CHECK(said.recipe.only == Texts{"a,b", "[c]"});
  CHECK(said.recipe.dtype == Dtype::BF16);
  CHECK(said.run.replace);
  CHECK(!said.run.verify);
  CHECK(!said.run.sync);
  CHECK(said.run.memory_budget == 256u << 20);
  CHECK(said.run.threads == 2);
}

TEST_CASE("numbers keep their text") {
  CHECK(texts("alpha", "0.10") == Texts{"0.10"});
  CHECK(texts("alpha", "1e-3") == Texts{"1e-3"});
  CHECK(texts("alpha", "\" 0.3\"") == Texts{" 0.3"});
  CHECK(texts("memory", "\"512M\"") == Texts{"512M"});
  CHECK(texts("weights", "[0.50, 1, -2]") == Texts{"0.50,1,-2"});
  CHECK(texts("weights", "3") == Texts{"3"});
}

TEST_CASE("flags and toggles are true or false, by word or by value") {
  CHECK(texts("force", "true") == Texts{"true"});
  CHECK(texts("force", "false") == Texts{"false"});
  CHECK(texts("normalize", "false") == Texts{"false"});
  CHECK(texts("normalize", "\"true\"") == Texts{"true"});
  CHECK(texts("normalize", "null").empty());
}

TEST_CASE("what may be repeated is an array, or one of it") {
  CHECK(texts("only", "\"a\"") == Texts{"a"});
  CHECK(texts("only", "[\"a\", \"b\"]") == Texts{"a", "b"});
  CHECK(texts("only", "[]").empty());
  CHECK(texts("mbw", "[0, 0.5, 1]") == Texts{"0,0.5,1"});
  CHECK(texts("mbw", "[[0, 1], \"1,0\"]") == Texts{"0,1", "1,0"});
}

TEST_CASE("pairs are texts, objects, or an array of both") {
  CHECK(texts("param", R"({"t": 0.30, "weights": [1, 2], "normalize": false})") ==
        Texts{"t=0.30", "weights=1,2", "normalize=false"});
  CHECK(texts("param", R"(["t=0.3", {"u": 1}])") == Texts{"t=0.3", "u=1"});
  CHECK(texts("sweep", R"({"alpha": [0.2, 0.5], "weights": [[1, 1], [1, 2]]})") ==
        Texts{"alpha=0.2,0.5", "weights=1/1,1/2"});
  CHECK(texts("sweep", R"({"normalize": [true, false]})") == Texts{"normalize=true,false"});
  CHECK(texts("weight", R"({"IN04": 0.2, "OUT*": [0, 1]})") == Texts{"IN04=0.2", "OUT*=[0,1]"});
  CHECK(texts("weight", R"({"beta": {"IN04": 0.2}})") == Texts{"beta:IN04=0.2"});
  CHECK(texts("dtype", R"({"vae": "f32", "/norm/": "f32"})") == Texts{"vae=f32", "/norm/=f32"});
  CHECK(texts("set-metadata", R"({"title": "x=y"})") == Texts{"title=x=y"});
}

TEST_CASE("another kind of value is refused by its option's name") {
  const auto refused = [](const char* option, const std::string& value) {
    const Texts found = faults(R"({"command": "merge", "options": {")" + std::string(option) + "\": " + value + "}}");
    REQUIRE(found.size() == 2);
    CHECK(found[1] == std::string("--") + option);
    return found[0];
  };
  CHECK(refused("alpha", "true") == "--alpha takes a number");
  CHECK(refused("alpha", "[1]") == "--alpha takes a number");
  CHECK(refused("alpha", "\"x\"") == "--alpha: 'x' is not a number");
  CHECK(refused("threads", "0.5") == "--threads: '0.5' is not a whole number from 1 to 1024");
  CHECK(refused("force", "1") == "--force takes true or false");
  CHECK(refused("force", "\"yes\"") == "--force takes no value");
  CHECK(refused("output", "5") == "--output takes a text");
  CHECK(refused("only", "[1]") == "--only takes a text, or an array of texts");
  CHECK(refused("only", "[null]") == "--only takes a text, or an array of texts");
  CHECK(refused("only", "{\"a\": 1}") == "--only takes a text, or an array of texts");
  CHECK(refused("weights", "[\"1\"]") == "--weights takes an array of numbers");
  CHECK(refused("param", "[1]") == "--param takes texts NAME=VALUE, or an object");
  CHECK(refused("param", R"({"a": {"b": 1}})") == "--param takes texts NAME=VALUE, or an object");
  CHECK(refused("weight", R"({"a": {"b": {"c": 1}}})") == "--weight takes texts NAME=VALUE, or an object");
  CHECK(refused("output", R"("a\u0000b")") == "--output has a NUL byte in it");
}

TEST_CASE("what is not there is told with what comes near") {
  CHECK(faults(R"({"command": "merge", "options": {"alhpa": 1}})") ==
        Texts{"unknown option 'alhpa'; did you mean 'alpha'?", "--alhpa"});
  CHECK(faults(R"({"command": "merge", "options": {"base_alpha": 1}})") ==
        Texts{"unknown option 'base_alpha'; did you mean 'base-alpha'?", "--base_alpha"});
  CHECK(faults(R"({"command": "inspect", "options": {"--blocks": true}})") ==
        Texts{"unknown option '--blocks'; did you mean 'blocks'?", "--blocks"});
  CHECK(faults(R"({"command": "inspect", "options": {"zzzzz": 1}})")[0].starts_with("unknown option 'zzzzz'; ckm"));
  CHECK(faults(R"({"command": "merge", "options": {"progress": "json"}})")[0].starts_with(
      "--progress is no option of requests"));
  CHECK(faults(R"({"command": "mrege"})")[0] == "a request has no command 'mrege'; did you mean 'merge'?");
  CHECK(faults(R"({"command": "man"})")[0].starts_with("a request has no command 'man'"));
  CHECK(faults(R"({"inputs": []})")[0].starts_with("'command' says what to do; there are merge, plan, run"));
  CHECK(faults(R"({"command": "merge", "input": []})") ==
        Texts{"a request has no 'input'; did you mean 'inputs'?", "input"});
  CHECK(faults(R"({"command": "merge", "inputs": [1]})") == Texts{"'inputs' is an array of texts", "inputs"});
  CHECK(faults(R"({"command": "merge", "inputs": "A"})") == Texts{"'inputs' is an array of texts", "inputs"});
  CHECK(faults(R"({"command": "merge", "options": []})")[1] == "options");
}

TEST_CASE("what is no JSON, or too much of it, is no request") {
  CHECK(faults("")[0].starts_with("the request cannot be read: it is not valid JSON"));
  CHECK(faults("[1]")[0].starts_with("a request is an object"));
  CHECK(faults(R"({"command": "merge", "command": "plan"})")[0].ends_with("a member is there twice: 'command'"));
  CHECK(faults(std::string(65 << 20, ' '))[0].find("more than 67108864") != std::string::npos);
  CHECK(faults(std::string(100, '[') + std::string(100, ']'))[0].find("nested more than") != std::string::npos);
}

TEST_CASE("metadata may hold what is long, under names that end where they should") {
  const std::string long_text(2 << 20, 'x');
  const Request request = read_request_json(R"({"command": "merge", "options": {"set-metadata": {"prompt": ")" +
                                            long_text + R"("}, "weight": {"/a=b/": 0.5}}})");
  REQUIRE(request.settings.recipe.set_metadata.size() == 1);
  CHECK(request.settings.recipe.set_metadata[0].second.size() == long_text.size());
}

TEST_CASE("metadata may have any texts for names and values, which other pairs may not") {
  const Request request = read_request_json(
      R"({"command": "merge", "options": {"set-metadata": {"a=b": "c=d", "": "e", "f\u0000g": "h\u0000", "=": ""}}})");
  const Metadata expected{{"a=b", "c=d"}, {"", "e"}, {std::string("f\0g", 3), std::string("h\0", 2)}, {"=", ""}};
  CHECK(request.settings.recipe.set_metadata == expected);
  CHECK(faults(R"({"command": "merge", "options": {"set-metadata": ["=a"]}})")[0].find("name=value") !=
        std::string::npos);
  CHECK(faults(R"({"command": "merge", "options": {"set-metadata": ["a=\u0000"]}})") ==
        Texts{"--set-metadata has a NUL byte in it", "--set-metadata"});
  CHECK(faults(R"({"command": "merge", "options": {"param": {"a=b": "c"}}})") ==
        Texts{"--param: the name 'a=b' has '=' in it", "--param"});
}

TEST_CASE("what has a size in bytes has no fraction of one") {
  const auto memory = [](const char* value) {
    return read_request_json(std::string(R"({"command": "merge", "options": {"memory": )") + value + "}}");
  };
  CHECK(memory("67108864").settings.run.memory_budget == 67108864);
  CHECK(memory("1e9").settings.run.memory_budget == 1000000000);
  CHECK(memory("67108864.0").settings.run.memory_budget == 67108864);
  CHECK(memory(R"("1.5K")").settings.run.memory_budget == 1500);
  CHECK(faults(R"({"command": "merge", "options": {"memory": 1.5}})") ==
        Texts{R"(--memory takes a number of bytes, or a text such as "512M")", "--memory"});
}

TEST_CASE("of inputs that cannot be read nothing more is said") {
  CHECK_THROWS_WITH_AS(read_request_json(R"({"command": "merge", "inputs": [1], "options": {"alpha": 0.5}})"),
                       "'inputs' is an array of texts", Error);
  const Texts found = faults(R"({"command": "merge", "inputs": [1], "what": 1, "options": {"only": 1}})");
  REQUIRE(found.size() == 3);
  CHECK(found[0] == "'inputs' is an array of texts");
}

TEST_CASE("everything that is wrong is told at once, what has the wrong kind first") {
  const Texts found =
      faults(R"({"command": "merge", "what": 1, "options": {"alpha": "x", "only": 1, "missing": "gone", "nope": 1}})");
  REQUIRE(found.size() == 5);
  CHECK(found[0].starts_with("a request has no 'what'"));
  CHECK(found[1].starts_with("--only takes"));
  CHECK(found[2].starts_with("unknown option 'nope'"));
  CHECK(found[3] == "--alpha: 'x' is not a number");
  CHECK(found[4].starts_with("--missing: 'gone' is not one of"));
}

TEST_CASE("the plan of a recipe file is what run would do") {
  const Request request =
      read_request_json(R"({"command": "plan", "inputs": ["r.yaml", "A=x"], "options": {"output": "o"}})");
  CHECK(request.command == Command::run);
  CHECK(request.settings.only_plan);
  CHECK(faults(R"({"command": "plan", "inputs": ["r.yaml"], "options": {"alpha": 1}})")[1] == "--alpha");
}

TEST_CASE("the plan of a configuration of mergekit takes that command's options") {
  const Request request = read_request_json(
      R"({"command": "plan", "options": {"mergekit": "c.yml", "out-shard-size": "700", "copy-tokenizer": false}})");
  request.refused.raise();
  CHECK(request.command == Command::mergekit);
  CHECK(request.settings.only_plan);
  CHECK(request.settings.mergekit.config == "c.yml");
  CHECK(request.settings.shard_size == 700);
  CHECK(!request.settings.mergekit.copy_tokenizer);
  CHECK(faults(R"({"command": "plan", "options": {"mergekit": "c.yml", "alpha": 1}})")[1] == "--alpha");
  CHECK(faults(R"({"command": "mergekit", "options": {"mergekit": "c.yml"}})")[1] == "--mergekit");
  CHECK(faults(R"({"command": "plan", "options": {"mergekit": null, "out-shard-size": "700"}})")[1] ==
        "--out-shard-size");
}

TEST_CASE("every command of the program that has a document can be asked for") {
  Texts names;
  for (const Command command : request_commands()) names.emplace_back(spec_of(command).name);
  CHECK(names == Texts{"merge", "plan", "run", "convert", "bake", "compose", "average", "mergekit", "lora", "inspect",
                       "hash", "scan", "list", "show", "methods", "doctor"});
}
