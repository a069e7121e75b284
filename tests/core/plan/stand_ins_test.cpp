// SPDX-License-Identifier: Apache-2.0
// The header is planned with stand-ins for the inputs' hashes. Nothing that a parent's metadata says may make the real
// one longer: the tensors' place is fixed by then.
#include <doctest/doctest.h>

#include "core/plan/output_files.h"
#include "core/plan/plan.h"
#include "io/checkpoint.h"
#include "io/text/json_writer.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const std::vector<FileTensor> kTensors{f32("w", {1000}, std::vector<float>(1000, 1.5f))};

Recipe hashed() {
  Recipe recipe = weighted(0.5);
  recipe.hash = true;
  return recipe;
}

// A checkpoint whose list of ancestors has an entry for each of `keys`.
std::string write_descendant(const std::string& path, const std::vector<std::string>& keys, const std::string& entry) {
  std::string models = "{";
  for (const std::string& key : keys) models += (models.size() > 1 ? ",\"" : "\"") + key + "\":" + entry;
  std::string metadata = "{\"sd_merge_models\":";
  append_json_string(metadata, models + "}");
  return write_file(path, kTensors, 0, metadata + "}");
}

std::vector<std::string> stand_in_keys() {
  std::vector<std::string> keys;
  for (const InputHash& hash : stand_in_hashes(3)) keys.push_back(hash.sha256);
  for (const char* const digit : {"0", "1", "2"}) keys.push_back(std::string(63, '0') + digit);
  return keys;
}

const std::vector<InputHash> kSums{{std::string(64, 'a'), "aaaaaaaa"}, {std::string(64, 'b'), "bbbbbbbb"}};

}  // namespace

TEST_CASE("stand-ins are as long as sums, differ from each other, and are no sums") {
  const std::vector<InputHash> hashes = stand_in_hashes(1000);
  REQUIRE(hashes.size() == 1000);
  for (size_t k = 0; k < hashes.size(); ++k) {
    CHECK(hashes[k].sha256.size() == 64);
    CHECK(hashes[k].legacy_hash.size() == 8);
    CHECK(hashes[k].sha256.find_first_not_of("0123456789abcdef") != std::string::npos);
    if (k > 0) CHECK(hashes[k].sha256 != hashes[k - 1].sha256);
  }
}

TEST_CASE("ancestors that are called like stand-ins do not make the planned header shorter than the real one") {
  TempFolder folder;
  const auto a = write_descendant(folder / "A", stand_in_keys(), "{}"), b = write_file(folder / "B", kTensors);
  const std::vector<Checkpoint> checkpoints = open_all({a, b});
  const Plan plan = make_plan(hashed(), checkpoints);
  CHECK(headers_with_hashes(plan, checkpoints, kSums)[0].size() == plan.files[0].header.size());
  for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}}) {
    const RunReport report = merge(hashed(), {a, b}, folder / "out",
                                   {.replace = true, .sync = false, .verify = true, .hash = true, .tile_size = tile});
    CHECK(open_checkpoint(folder / "out").tensors.size() == 1);
    CHECK(tensor_bytes(folder / "out", "w") == tensor_bytes(a, "w"));
    CHECK(read_file(folder / "out").substr(0, 20000).find(report.input_hashes[1].sha256) != std::string::npos);
  }
}

TEST_CASE("a header that does not fit into the planned one's place is an error, not a longer header") {
  TempFolder folder;
  const auto a = write_file(folder / "A", kTensors), b = write_file(folder / "B", kTensors);
  const std::vector<Checkpoint> checkpoints = open_all({a, b});
  Plan plan = make_plan(hashed(), checkpoints);
  plan.files[0].header.resize(plan.files[0].header.size() - 8);
  const Failure fault = failure([&] { headers_with_hashes(plan, checkpoints, kSums); });
  CHECK(fault.code == ErrorCode::malformed);
  CHECK(fault.text.find("longer than planned") != std::string::npos);
}

TEST_CASE("a plan with hashes says which of a parent's records it cannot take over") {
  TempFolder folder;
  const std::string sum(64, 'c');
  std::string many = "{\"" + sum + "\":[";
  for (int i = 0; i < 70000; ++i) many += i ? ",1" : "1";
  const auto with = [&](const std::string& name, const std::string& key, const std::string& text) {
    std::string metadata = "{\"" + key + "\":";
    append_json_string(metadata, text);
    return write_file(folder / name, kTensors, 0, metadata + "}");
  };
  const auto warnings = [&](const Recipe& recipe, const std::string& a) {
    return make_plan(recipe, open_all({a, write_file(folder / "B", kTensors)})).warnings;
  };
  const auto a = with("A", "sd_merge_models", many + "]}");
  CHECK(warnings(hashed(), a) ==
        std::vector<std::string>{a + ": its sd_merge_models is left out: it holds more than " + "65536 values"});
  CHECK(warnings(weighted(0.5), a).empty());  // nothing of it would be recorded
  const auto recipe = with("A", "sd_merge_recipe", "7");
  CHECK(warnings(hashed(), recipe) ==
        std::vector<std::string>{recipe + ": its sd_merge_recipe is left out: it is no JSON object"});
  const auto strange = with("A", "sd_merge_models", "{\"x\":{},\"" + sum + "\":{},\"" + std::string(64, 'd') + "\":1}");
  CHECK(warnings(hashed(), strange) ==
        std::vector<std::string>{strange + ": 2 entries of its sd_merge_models are left out: they are no objects under "
                                           "a SHA-256"});
  CHECK(warnings(hashed(), with("A", "sd_merge_models", "{\"" + sum + "\":{}}")).empty());
}
