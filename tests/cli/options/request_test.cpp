// SPDX-License-Identifier: Apache-2.0
// Options read into values. What the messages say in full is the cases' (tests/cli/cases).
#include "cli/options/request.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "cli/options/option_table.h"

using namespace ckmerge;
using namespace ckmerge::cli;

namespace {

Settings read(Command command, const GivenOptions& given) {
  const Request request = read_request({.command = command, .operands = {}, .options = given});
  REQUIRE_NOTHROW(request.refused.raise());
  return request.settings;
}

// What is wrong with `given`, a line for each.
std::vector<std::string> refusals(Command command, const GivenOptions& given) {
  try {
    read_request({.command = command, .operands = {}, .options = given}).refused.raise();
  } catch (const GatheredFaults& faults) {
    return faults.details();
  } catch (const Error& error) {
    return {error.what()};
  }
  return {};
}

}  // namespace

TEST_CASE("every option of every command has a name, a meaning and a reader, and one name once") {
  for (const CommandSpec& command : commands()) {
    std::vector<std::string> seen;
    for (const OptionSpec& option : options_of(command.command)) {
      CAPTURE(command.name);
      CAPTURE(option.name);
      CHECK(option.reader.read);
      CHECK(!option.meaning.empty());
      CHECK(option.takes_value() == !option.value_name.empty());
      CHECK(option.takes_value() == (option.reader.type != ValueType::flag));
      for (const std::string& spelling : option.spellings()) {
        CHECK(std::ranges::find(seen, spelling) == seen.end());
        seen.push_back(spelling);
      }
    }
  }
}

TEST_CASE("a value goes where its option says, as a value") {
  const Settings said = read(Command::merge, {{"memory", {"2GiB"}},
                                              {"threads", {"3"}},
                                              {"device", {"cuda:1,0"}},
                                              {"gpu-memory", {"1G"}},
                                              {"missing", {"zero"}},
                                              {"only", {"[a,b]", "c"}},
                                              {"format", {"ckpt"}},
                                              {"config", {"B"}},
                                              {"progress", {"json"}},
                                              {"hash-cache", {"none"}},
                                              {"set-metadata", {"a=b=c", "d="}},
                                              {"notify", {"http://user:pass@host:1/x"}},
                                              {"vae", {"v.pt"}},
                                              {"force", {"true"}},
                                              {"no-fsync", {"true"}},
                                              {"no-register", {"true"}},
                                              {"verbose", {"false"}}});
  CHECK(said.run.memory_budget == 2ull << 30);
  CHECK(said.run.threads == 3);
  CHECK(said.run.device.choice == DeviceChoice::cuda);
  CHECK(said.run.device.devices == std::vector<int>{1, 0});
  CHECK(said.run.device.memory == 1'000'000'000);
  CHECK(said.recipe.missing == MissingPolicy::zero);
  CHECK(said.recipe.only == std::vector<std::string>{"[a,b]", "c"});
  CHECK(said.form == &output_forms()[1]);
  CHECK(said.config == ConfigSource::b);
  CHECK(said.progress == ProgressChoice::json);
  CHECK(said.hash_cache == "");
  CHECK(said.recipe.set_metadata == Metadata{{"a", "b=c"}, {"d", ""}});
  CHECK(said.notify->host == "host");
  CHECK(said.components.size() == 1);
  CHECK(said.run.replace);
  CHECK(!said.run.sync);
  CHECK(!said.registers);
  CHECK(!said.verbose);
}

TEST_CASE("what is not given has its default") {
  const Settings said = read(Command::merge, {});
  CHECK(said.recipe == Recipe());
  CHECK(said.run.memory_budget == RunOptions().memory_budget);
  CHECK(said.run.sync);
  CHECK(said.registers);
  CHECK(!said.output);
  CHECK(!said.hash_cache);
  CHECK(said.config == ConfigSource::none);
}

TEST_CASE("dtypes of all tensors and of parts") {
  const Settings said = read(Command::merge, {{"dtype", {"fp16", "vae=f32", "te=keep"}}});
  CHECK(said.recipe.dtype == Dtype::F16);
  CHECK(said.recipe.part_dtypes[static_cast<size_t>(Part::vae)] == PartDtype{Dtype::F32});
  CHECK(said.recipe.part_dtypes[static_cast<size_t>(Part::te)] == PartDtype{});
  CHECK(!said.recipe.part_dtypes[static_cast<size_t>(Part::unet)]);
  CHECK(read(Command::merge, {{"dtype", {"/a=b/=f32", "f16"}}}).recipe.dtype_rules ==
        std::vector<std::string>{"/a=b/=f32"});
  for (const char* const wrong : {"/", "/a", "/a/", "/a/=", "/a/=f99", "//=f32", "/(/=f32"})
    CHECK_MESSAGE(refusals(Command::merge, {{"dtype", {wrong}}}).size() == 1, wrong);
  CHECK(refusals(Command::merge, {{"dtype", {"keep", "keep"}}}).size() == 1);
  CHECK(refusals(Command::merge, {{"dtype", {"vae=f16", "vae=f16"}}}).size() == 1);
  CHECK(refusals(Command::merge, {{"half", {"true"}}, {"dtype", {"f16"}}}).size() == 1);
  CHECK(refusals(Command::merge, {{"half", {"true"}}, {"dtype", {"vae=f16"}}}).empty());
}

TEST_CASE("a method's options and --param set the same parameters") {
  const GivenOptions linear{{"method", {"linear"}}, {"weights", {"1,2"}}, {"normalize", {"false"}}};
  CHECK(read(Command::merge, linear).recipe.parameters ==
        std::map<std::string, std::vector<double>>{{"normalize", {0}}, {"weights", {1, 2}}});
  CHECK(read(Command::merge, {{"method", {"slerp"}}, {"param", {"t=0.25"}}}).recipe.parameters.at("t")[0] == 0.25);
  CHECK(refusals(Command::merge, {{"alpha", {"1"}}, {"param", {"alpha=1"}}}) ==
        std::vector<std::string>{"the parameter alpha is given twice"});
  CHECK(refusals(Command::merge, {{"alpha", {"x"}}, {"method", {"nonsense"}}}).size() == 1);
}

TEST_CASE("all refusals are told at once, those of the method first") {
  const std::vector<std::string> lines = refusals(Command::merge, {{"alpha", {"x"}},
                                                                   {"memory", {"much"}},
                                                                   {"missing", {"gone"}},
                                                                   {"dtype", {"f17", "pixels=f16"}},
                                                                   {"param", {"beta=1", "=1"}},
                                                                   {"config", {"D"}},
                                                                   {"output", {""}}});
  REQUIRE(lines.size() == 9);
  CHECK(lines[0] == "--alpha: 'x' is not a number");
  CHECK(lines[1] == "--output has an empty value");
  CHECK(lines[2].starts_with("weighted_sum has no parameter 'beta'"));
  CHECK(lines[3] == "--param: '=1' is not of the form name=value");
  CHECK(lines[4].starts_with("--dtype: dtype 'f17' is unknown"));
  CHECK(lines[5].starts_with("--dtype: there is no part 'pixels'"));
  CHECK(lines[6].starts_with("--config: 'D' is not one of"));
  CHECK(lines[7].starts_with("--missing: 'gone' is not one of"));
  CHECK(lines[8].starts_with("--memory: 'much' is not a size"));
}

TEST_CASE("a value is given once, a flag as often as one likes and without a value") {
  CHECK(refusals(Command::merge, {{"alpha", {"1", "1"}}}) == std::vector<std::string>{"--alpha is given 2 times"});
  CHECK(refusals(Command::merge, {{"force", {"yes please"}}}) == std::vector<std::string>{"--force takes no value"});
  CHECK(refusals(Command::merge, {{"force", {"true", "true"}}}).empty());
  const GivenOptions linear{{"method", {"linear"}}, {"normalize", {"true", "false"}}};
  CHECK(read(Command::merge, linear).recipe.parameters.at("normalize")[0] == 0);
}

TEST_CASE("components keep the order of the table") {
  const Settings said = read(Command::compose, {{"vae", {"v"}}, {"te2", {"t5"}}, {"te", {"clip"}}, {"unet", {"u"}}});
  std::vector<std::string> paths;
  for (const Component& component : said.components) paths.push_back(component.path);
  CHECK(paths == std::vector<std::string>{"u", "clip", "t5", "v"});
}

TEST_CASE("a ready-made set gives what was not given") {
  const Settings said = read(Command::merge, {{"like", {"a1111"}}, {"missing", {"drop"}}});
  CHECK(said.recipe.missing == MissingPolicy::drop);
  CHECK(said.recipe.only == std::vector<std::string>{"model"});
  CHECK(said.recipe.parameters.at("alpha")[0] == 0.3);
  CHECK(std::ranges::find(said.preset, "--missing") == said.preset.end());
  CHECK(read(Command::merge, {{"like", {"a1111"}}, {"method", {"copy"}}}).recipe.parameters.empty());
  CHECK(refusals(Command::merge, {{"like", {"a111"}}}) ==
        std::vector<std::string>{"--like: 'a111' is unknown; did you mean 'a1111'?"});
}

TEST_CASE("weights by block and name: lists first, BASE behind them, the others in their order") {
  const Settings said =
      read(Command::merge, {{"weight", {"IN00..IN08=0.2", "alpha:/a=b:c/=[0, 0.5,1]", "OUT03-OUT06:attn2:0.3,:x:1"}},
                            {"base-alpha", {"0.4"}},
                            {"mbw", {"0, 0.5"}}});
  const std::vector<WeightRule> wanted{
      {.parameter = "alpha", .by = WeightRule::By::list, .values = {0, 0.5}},
      {.parameter = "alpha", .selector = "BASE", .values = {0.4}},
      {.parameter = "alpha", .selector = "IN00..IN08", .values = {0.2}},
      {.parameter = "alpha", .selector = "/a=b:c/", .values = {0, 0.5, 1}},
      {.parameter = "alpha",
       .by = WeightRule::By::elements,
       .selector = "OUT03-OUT06",
       .elements = "attn2",
       .values = {0.3}},
      {.parameter = "alpha", .by = WeightRule::By::elements, .elements = "x", .values = {1}}};
  CHECK(said.recipe.weights == wanted);
  const std::vector<WeightRule> of_b{{.parameter = "weights", .input = 1, .selector = "M00", .values = {-1}}};
  CHECK(read(Command::merge, {{"method", {"linear"}}, {"weight", {"B:M00=-1"}}}).recipe.weights == of_b);
  CHECK(refusals(Command::merge, {{"weight", {"beta:M00=1", "M00", "M00=1,2", "/(/=1"}}, {"mbw", {"0,x"}}}).size() ==
        5);
  CHECK(refusals(Command::merge, {{"method", {"copy"}}, {"mbw", {"0,1"}}}) ==
        std::vector<std::string>{"--mbw: copy has no number that could differ between tensors"});
}
