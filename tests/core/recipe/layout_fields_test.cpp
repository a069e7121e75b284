// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/layout_fields.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/recipe/layout_judge.h"
#include "core/recipe/provenance.h"
#include "io/input_forms.h"

using namespace ckmerge;

namespace {

Checkpoint file(const std::string& path, Metadata metadata, std::vector<uint64_t> shape = {4, 3, 3, 3}) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  checkpoint.tensors.add("data", Dtype::F32, shape, 0, 0, 4 * count, count);
  checkpoint.metadata = std::move(metadata);
  return checkpoint;
}

// A checkpoint cannot be copied, so no list of them can be written down.
std::vector<Checkpoint> all(auto... files) {
  std::vector<Checkpoint> out;
  (out.push_back(std::move(files)), ...);
  return out;
}

LayoutVerdict judged(const std::vector<Checkpoint>& files, bool needs_whole_tensors = false,
                     const Recipe& recipe = {}) {
  return judge_layout_fields(recipe, files, needs_whole_tensors);
}

std::string offsets(int row) {
  return R"({"data": {"saved_offsets": [)" + std::to_string(row) + R"(, 0]}, "b": {"saved_offsets": [0]}})";
}

Checkpoint shard(const std::string& path, int row) {
  return file(path, {{"DCP_SHARDING_INFO", offsets(row)}, {"DCP_VERSION", "1.0"}});
}

Checkpoint slice(const std::string& path, const std::string& rows, const std::string& whole = "(8, 8)") {
  return file(path, {{"local_global_slices_pairs", rows}, {"unsharded_shape", whole}, {"version", "1.4"}}, {4, 8});
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("formats that lay tensors otherwise are not merged with torch's, where it matters") {
  const Metadata mlx{{"format", "mlx"}}, torch{{"format", "pt"}}, paddle{{"format", "pd"}}, other{{"format", "np"}};
  const LayoutVerdict refused = judged(all(file("A", torch), file("B", mlx)));
  REQUIRE(refused.faults.size() == 1);
  CHECK(contains(refused.faults[0], "A is of the format pt, B of the format mlx"));
  CHECK(judged(all(file("A", mlx), file("B", mlx))).faults.empty());
  CHECK(judged(all(file("A", mlx), file("B", mlx))).warnings.empty());
  const LayoutVerdict matrices = judged(all(file("A", mlx, {4, 4}), file("B", torch, {4, 4})));
  CHECK(matrices.faults.empty());
  REQUIRE(matrices.warnings.size() == 1);
  CHECK(contains(matrices.warnings[0], "the result says mlx"));
  CHECK(judged(all(file("A", paddle, {4, 4}), file("B", torch, {4, 4}))).faults.size() == 1);
  CHECK(judged(all(file("A", torch), file("B", other))).faults.empty());
  CHECK(judged(all(file("A", torch), file("B", other))).warnings.size() == 1);
  CHECK(judged(all(file("A", torch), file("B", {}))).warnings.empty());
}

TEST_CASE("a file without a format in its metadata is not said to be torch's, and merges with a warning") {
  const Metadata mlx{{"format", "mlx"}}, empty{{"format", ""}};
  for (const Metadata& none : {Metadata{}, empty}) {
    const LayoutVerdict second = judged(all(file("A", mlx), file("B", none)));
    CHECK(second.faults.empty());
    REQUIRE(second.warnings.size() == 1);
    CHECK(
        contains(second.warnings[0], "A is of the format mlx, B has no format in its metadata; if it is of another, "));
    CHECK(contains(second.warnings[0], "the result says mlx"));
    const LayoutVerdict first = judged(all(file("A", none), file("B", mlx)));
    REQUIRE(first.warnings.size() == 1);
    CHECK(contains(first.warnings[0], "B is of the format mlx, A has no format"));
    CHECK(contains(first.warnings[0], "the result says pt"));
    const LayoutVerdict matrices = judged(all(file("A", mlx, {4, 4}), file("B", none, {4, 4})));
    REQUIRE(matrices.warnings.size() == 1);
    CHECK(!contains(matrices.warnings[0], "lie in another order"));
  }
  Checkpoint pickled = file("B", {});
  pickled.form = &*std::ranges::find_if(input_forms(), &InputForm::has_pickle);
  CHECK(judged(all(file("A", mlx), std::move(pickled))).faults.size() == 1);
}

TEST_CASE("the result has A's format, and fields that say how its tensors lie, whatever of the metadata is kept") {
  const std::vector<Checkpoint> mlx = all(file("A", {{"format", "mlx"}, {"x", "1"}}));
  for (const MetadataPolicy policy : {MetadataPolicy::keep, MetadataPolicy::recipe, MetadataPolicy::none}) {
    const Metadata written = output_metadata({.method = "copy", .metadata = policy}, mlx, {}, {});
    CHECK(std::ranges::find(written, std::pair<std::string, std::string>("format", "mlx")) != written.end());
  }
  const std::vector<Checkpoint> shards = all(shard("A", 0), shard("B", 0));
  const Metadata written = output_metadata({.metadata = MetadataPolicy::none}, shards, {}, {});
  CHECK(written == Metadata{{"DCP_SHARDING_INFO", offsets(0)}, {"DCP_VERSION", "1.0"}, {"format", "pt"}});
}

TEST_CASE("a layout that a .ckpt cannot tell is a warning") {
  const std::vector<Checkpoint> mlx = all(file("A", {{"format", "mlx"}}));
  CHECK(judged(mlx, false, {.method = "copy", .form = find_output_form("ckpt")}).warnings.size() == 1);
  CHECK(judged(mlx, false, {.method = "copy"}).warnings.empty());
}

TEST_CASE("shards of distributed checkpoints fit where their offsets are equal, tensor by tensor") {
  const LayoutVerdict same = judged(all(shard("A", 0), shard("B", 0)));
  CHECK(same.faults.empty());
  REQUIRE(same.warnings.size() == 1);
  CHECK(contains(same.warnings[0], "its DCP_SHARDING_INFO is kept"));
  const auto written = [](const char* text) { return file("B", {{"DCP_SHARDING_INFO", text}}); };
  const char* const reordered = R"({"b":{"saved_offsets":[0]},"data":{"saved_offsets":[0,0]}})";
  CHECK(judged(all(shard("A", 0), written(reordered))).faults.empty());

  const LayoutVerdict other = judged(all(shard("A", 0), shard("B", 4)));
  REQUIRE(other.faults.size() == 1);
  CHECK(contains(other.faults[0], "data begins at [0, 0], in B at [4, 0]"));
  CHECK(judged(all(shard("A", 0), file("B", {}))).faults.size() == 1);
  CHECK(judged(all(file("A", {}), shard("B", 0))).faults.size() == 1);
  CHECK(judged(all(shard("A", 0), shard("B", 0)), true).faults.size() == 1);
  CHECK(judged(all(shard("A", 0), shard("B", 0)), false, {.extra = ExtraPolicy::add}).faults.size() == 1);
  CHECK(judged(all(shard("A", 0)), false, {.method = "copy"}).warnings.size() == 1);
  CHECK(contains(judged(all(shard("A", 0), written("{"))).faults.at(0), "cannot be read"));
}

TEST_CASE("slices fit those that are cut alike") {
  const std::string first = "0,4,None|0,8,None#0,4,None|0,8,None", second = "0,4,None|0,8,None#4,8,None|0,8,None";
  CHECK(judged(all(slice("A", first), slice("B", first))).faults.empty());
  CHECK(contains(judged(all(slice("A", first), slice("B", second))).faults.at(0), "A and B are different slices"));
  CHECK(judged(all(slice("A", first), file("B", {}))).faults.size() == 1);
  CHECK(judged(all(slice("A", first), slice("B", first)), true).faults.size() == 1);
  CHECK(judged(all(slice("A", first, "(4, 8)"), slice("B", first, "(4, 8)")), true).faults.empty());
}
