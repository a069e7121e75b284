// SPDX-License-Identifier: Apache-2.0
// Merging tensors that a program has in memory: the bytes are those that the same tensors give in files.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "core/read/tile_sizing.h"
#include "tests/core/failure.h"
#include "tests/core/memory_checkpoints.h"
#include "tests/core/merge_runs.h"
#include "tests/cuda/stand_in.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::vector<FileTensor> of_every_dtype(uint64_t seed, bool with_opaque) {
  std::vector<FileTensor> tensors;
  for (const DtypeInfo& row : kDtypes) {
    if (row.kind == DtypeKind::opaque && !with_opaque) continue;
    const std::string name = row.name;
    if (row.bits < 8)
      tensors.push_back({name, row.dtype, {3, 8}, std::string(row.bits * 3, static_cast<char>(seed))});
    else
      tensors.push_back(random(name, row.dtype, {7, 333}, seed));
    tensors.push_back({name + ".empty", row.dtype, {0, 8}, ""});
  }
  tensors.push_back(random("scalar", Dtype::F64, {}, seed));
  return tensors;
}

std::string merged_in_memory(const Recipe& recipe, const std::vector<Checkpoint>& checkpoints, const TempFolder& folder,
                             RunOptions options = {}) {
  options.replace = true;
  options.sync = false;
  run(make_plan(recipe, checkpoints), checkpoints, folder / "of memory", options);
  return read_file(folder / "of memory");
}

constexpr bool (*kWays[])(size_t) = {MemoryCheckpoints::none, MemoryCheckpoints::all, MemoryCheckpoints::every_other};

}  // namespace

TEST_CASE("tensors in memory give the bytes that the same tensors give in files") {
  TempFolder folder;
  const std::vector<FileTensor> a = mixed(1), b = mixed(2);
  const std::string file_a = write_file(folder / "A", a), file_b = write_file(folder / "B", b);
  for (const Recipe& recipe : {plain(weighted(0.3)), plain({.method = "slerp", .parameters = {{"t", {0.3}}}}),
                               plain({.method = "weighted_sum", .dtype = Dtype::F16})}) {
    merge(recipe, {file_a, file_b}, folder / "of files", {.replace = true, .sync = false});
    const std::string expected = read_file(folder / "of files");
    for (const auto way : kWays)
      for (const RunOptions& options :
           {RunOptions{}, RunOptions{.threads = 1}, RunOptions{.memory_budget = 1 << 20, .threads = 3},
            RunOptions{.threads = 7, .tile_size = 4096}}) {
        MemoryCheckpoints memory;
        std::vector<Checkpoint> both, one;
        both.push_back(memory.open("a", a, way));
        both.push_back(memory.open("b", b, way));
        CHECK(merged_in_memory(recipe, both, folder, options) == expected);
        one.push_back(memory.open("a", a, way));
        one.push_back(open_checkpoint(file_b));
        CHECK(merged_in_memory(recipe, one, folder, options) == expected);
      }
  }
}

TEST_CASE("tensors of every dtype are saved from memory as they are, and in another dtype") {
  TempFolder folder;
  for (const Recipe& recipe : {copied(), copied(Dtype::F16), copied(Dtype::F64)}) {
    const std::vector<FileTensor> tensors = of_every_dtype(1, !recipe.dtype);  // of codes there is no other dtype
    const std::string file = write_file(folder / "A", tensors);
    merge(recipe, {file}, folder / "of a file", {.replace = true, .sync = false});
    for (const auto way : kWays) {
      MemoryCheckpoints memory;
      std::vector<Checkpoint> checkpoints;
      checkpoints.push_back(memory.open("a", tensors, way));
      CHECK(merged_in_memory(recipe, checkpoints, folder, {.verify = true}) == read_file(folder / "of a file"));
    }
  }
}

TEST_CASE("views in memory are gathered: transposed, expanded, overlapping") {
  TempFolder folder;
  constexpr uint64_t kRows = 300, kColumns = 700;
  const FileTensor whole = random("w", Dtype::F32, {kRows, kColumns}, 3);
  const auto element = [&](uint64_t i) { return whole.bytes.substr(i * 4, 4); };
  struct View {
    std::string name;
    std::vector<uint64_t> shape, strides;
    uint64_t first;
  };
  const std::vector<View> views = {{"expanded", {50, kColumns}, {0, 1}, 7},
                                   {"overlapping", {kRows, 5}, {1, 1}, 11},
                                   {"scalars", {4, 3}, {0, 0}, 2},
                                   {"stepping", {kRows / 2, kColumns / 7}, {2 * kColumns, 7}, kColumns},
                                   {"transposed", {kColumns, kRows}, {1, kColumns}, 0}};
  std::vector<FileTensor> gathered;
  std::vector<MemoryTensor> described;
  for (const View& view : views) {
    FileTensor tensor{view.name, Dtype::F32, view.shape, ""};
    for (uint64_t i = 0; i < view.shape[0]; ++i)
      for (uint64_t j = 0; j < view.shape[1]; ++j)
        tensor.bytes += element(view.first + i * view.strides[0] + j * view.strides[1]);
    gathered.push_back(std::move(tensor));
    described.push_back({.name = view.name,
                         .dtype = "F32",
                         .shape = view.shape,
                         .strides = view.strides,
                         .data = whole.bytes.data() + view.first * 4});
  }
  const std::string file = write_file(folder / "A", gathered);
  for (const Recipe& recipe : {copied(), copied(Dtype::BF16), plain(weighted(0.25))}) {
    const size_t inputs = recipe.method == "copy" ? 1 : 2;
    merge(recipe, std::vector<std::string>(inputs, file), folder / "of a file", {.replace = true, .sync = false});
    for (const uint64_t budget : {uint64_t{128} << 20, uint64_t{1} << 20}) {
      std::vector<Checkpoint> checkpoints;
      for (size_t k = 0; k < inputs; ++k)
        checkpoints.push_back(open_tensors({.name = "memory:views", .tensors = described}));
      CHECK(merged_in_memory(recipe, checkpoints, folder, {.memory_budget = budget}) ==
            read_file(folder / "of a file"));
    }
  }
}

TEST_CASE("many checkpoints are accumulated from memory as from files") {
  TempFolder folder;
  MemoryCheckpoints memory;
  std::vector<std::string> paths;
  std::vector<Checkpoint> checkpoints;
  for (uint64_t k = 0; k < 20; ++k) {
    paths.push_back(write_file(folder / std::to_string(k), mixed(k)));
    checkpoints.push_back(memory.open(std::to_string(k), mixed(k), kWays[k % 3]));
  }
  const Recipe recipe = plain({.method = "linear"});
  REQUIRE(make_plan(recipe, checkpoints).accumulates);
  merge(recipe, paths, folder / "of files");
  CHECK(merged_in_memory(recipe, checkpoints, folder) == read_file(folder / "of files"));
}

TEST_CASE("devices compute what lies in memory as what lies in files") {
  TempFolder folder;
  const std::string a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  const Recipe recipe = plain(weighted(0.3));
  merge(recipe, {a, b}, folder / "of files");
  for (const auto way : kWays) {
    MemoryCheckpoints memory;
    std::vector<Checkpoint> checkpoints;
    checkpoints.push_back(memory.open("a", mixed(1), way));
    checkpoints.push_back(memory.open("b", mixed(2), way));
    reset_stand_in({.devices = 1});
    RunOptions options{.threads = 3};
    options.device = {.choice = DeviceChoice::cuda, .devices = {0}, .runtime = &stand_in()};
    CHECK(merged_in_memory(recipe, checkpoints, folder, options) == read_file(folder / "of files"));
  }
}

TEST_CASE("what is asked for at once stays within the budget, whatever a tensor's size") {
  TempFolder folder;
  constexpr uint64_t kBudget = 4 << 20;
  const std::vector<FileTensor> tensors = {random("w", Dtype::F32, {6 << 20}, 1)};
  MemoryCheckpoints memory;
  std::atomic<uint64_t> largest{0}, total{0};
  memory.on_read = [&](size_t, uint64_t, uint64_t size) {
    largest = std::max(largest.load(), size);
    total += size;
    return 0;
  };
  std::vector<Checkpoint> checkpoints;
  checkpoints.push_back(memory.open("a", tensors, MemoryCheckpoints::all));
  const Plan plan = make_plan(copied(Dtype::F16), checkpoints);
  const TileSizing sizing = size_tiles(plan, checkpoints, {.budget = kBudget, .threads = 2});
  run(plan, checkpoints, folder / "out", {.sync = false, .memory_budget = kBudget, .threads = 2});
  CHECK(largest <= sizing.window_size);
  CHECK(sizing.memory() <= kBudget);
  CHECK(total == tensors[0].bytes.size());  // each byte once
}

TEST_CASE("an owner that cannot give a tensor's bytes ends the run, and nothing is left") {
  TempFolder folder;
  MemoryCheckpoints memory;
  memory.on_read = [](size_t tensor, uint64_t, uint64_t) { return tensor == 1 ? 7 : 0; };
  std::vector<Checkpoint> checkpoints;
  checkpoints.push_back(memory.open("a", mixed(1), MemoryCheckpoints::all));
  const Failure error = failure([&] { merged_in_memory(copied(), checkpoints, folder); });
  CHECK(error.code == ErrorCode::io);
  CHECK(error.where == "memory:a");
  CHECK(error.text == "memory:a: tensor 'b.f16' cannot be read: its owner answered 7");
  CHECK(folder.names().empty());
}

TEST_CASE("a run that is stopped while it asks for bytes leaves nothing") {
  TempFolder folder;
  MemoryCheckpoints memory;
  std::atomic<bool> stop{false};
  memory.on_read = [&](size_t, uint64_t, uint64_t) {
    stop = true;
    return 0;
  };
  std::vector<Checkpoint> checkpoints;
  checkpoints.push_back(memory.open("a", {random("w", Dtype::F32, {4 << 20}, 1)}, MemoryCheckpoints::all));
  const Failure error =
      failure([&] { merged_in_memory(copied(), checkpoints, folder, {.tile_size = 65536, .stop = &stop}); });
  CHECK(error.code == ErrorCode::interrupted);
  CHECK(folder.names().empty());
}

TEST_CASE("the hashes of files are recorded beside inputs in memory, which have none") {
  TempFolder folder;
  MemoryCheckpoints memory;
  for (const char* form : {"safetensors", "ckpt"}) {
    std::vector<FileTensor> tensors = mixed(1);
    std::erase_if(tensors, [](const FileTensor& tensor) { return element_size(tensor.dtype) == 1; });
    std::vector<Checkpoint> checkpoints;
    checkpoints.push_back(memory.open("a", tensors));
    checkpoints.push_back(open_checkpoint(write_file(folder / "B", tensors)));
    Recipe recipe = weighted(0.3);
    recipe.hash = true;
    recipe.form = find_output_form(form);
    const Plan plan = make_plan(recipe, checkpoints);
    CHECK(std::ranges::count(plan.warnings,
                             "memory:a is in memory: there is no file of it to hash, and none is recorded") == 1);
    const RunReport report = run(plan, checkpoints, folder / "out", {.replace = true, .sync = false, .hash = true});
    CHECK(report.input_hashes[0].sha256.empty());
    CHECK(report.input_hashes[1].sha256.size() == 64);
    CHECK(report.sums[0].sha256.size() == 64);
    const Checkpoint out = open_checkpoint(folder / "out");
    const auto text = std::ranges::find(out.metadata, "ckmerge.recipe", [](const auto& entry) { return entry.first; });
    const RecordedRecipe recorded = parse_recipe(text->second);
    CHECK(recorded.recipe.input_names == std::vector<std::string>{"memory:a", "B"});
    CHECK(recorded.sha256 == std::vector<std::string>{"", report.input_hashes[1].sha256});
    const Failure error = failure([&] {
      run(plan, checkpoints, folder / "out",
          {.replace = true, .sync = false, .expected_sha256 = {report.input_hashes[1].sha256, ""}});
    });
    CHECK(error.code == ErrorCode::usage);
  }
}

TEST_CASE("tensors tied to each other are written once where the form can say so, whatever is done to both") {
  TempFolder folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6}, others = {6, 5, 4, 3, 2, 1};
  static constexpr std::array<uint64_t, 2> kShape = {2, 3}, kTurned = {3, 2}, kStrides = {1, 3};
  static constexpr std::array<uint64_t, 1> kTwo = {2};
  const auto described = [&](const float* data, bool tied) {
    return std::vector<MemoryTensor>{
        {.name = "embed", .dtype = "F32", .shape = kShape, .data = data},
        {.name = "head", .dtype = "F32", .shape = kShape, .data = tied ? data : values.data()},
        {.name = "a.part", .dtype = "F32", .shape = kTwo, .data = data},
        {.name = "turned", .dtype = "F32", .shape = kTurned, .strides = kStrides, .data = data}};
  };
  const std::vector<MemoryTensor> tied = described(values.data(), true), also = described(others.data(), true),
                                  not_tied = described(others.data(), false);
  const auto planned = [&](Recipe recipe, const std::vector<Checkpoint>& checkpoints, const char* form) {
    recipe.form = find_output_form(form);
    return make_plan(recipe, checkpoints);
  };
  std::vector<Checkpoint> one, two, untied;
  one.push_back(open_tensors({.name = "memory:a", .tensors = tied}));
  two.push_back(open_tensors({.name = "memory:a", .tensors = tied}));
  two.push_back(open_tensors({.name = "memory:b", .tensors = also}));
  untied.push_back(open_tensors({.name = "memory:a", .tensors = tied}));
  untied.push_back(open_tensors({.name = "memory:b", .tensors = not_tied}));

  CHECK(planned(copied(), one, "safetensors").ties.empty());
  CHECK(planned(weighted(0.5), untied, "ckpt").ties.empty());
  const std::vector<std::pair<const std::vector<Checkpoint>*, Recipe>> merges = {
      {&one, copied()}, {&one, copied(Dtype::F16)}, {&two, plain(weighted(0.25))}};
  for (const auto& merge : merges) {
    const std::vector<Checkpoint>* const checkpoints = merge.first;
    const Recipe& recipe = merge.second;
    const Plan plan = planned(recipe, *checkpoints, "ckpt");
    REQUIRE(plan.ties.size() == 1);
    const Step &step = plan.steps[plan.ties[0].step], &owner = plan.steps[plan.ties[0].owner];
    CHECK((*checkpoints)[0].tensors.name(step.named.tensor) == "head");
    CHECK((*checkpoints)[0].tensors.name(owner.named.tensor) == "embed");
    CHECK(step.size == 0);
    run(plan, *checkpoints, folder / "tied", {.replace = true, .sync = false, .verify = true, .hash = true});
    run(planned(recipe, *checkpoints, "safetensors"), *checkpoints, folder / "plain", {.replace = true, .sync = false});
    const Checkpoint out = open_checkpoint(folder / "tied");
    CHECK(out.tensors.size() == 4);
    CHECK(out.tensors[1].offset == out.tensors[2].offset);
    const std::string file = read_file(folder / "tied");
    for (size_t i = 0; i < out.tensors.size(); ++i) {
      const Tensor tensor = out.tensors[i];
      CHECK(file.substr(tensor.offset, tensor.size) == tensor_bytes(folder / "plain", std::string(tensor.name)));
    }
    // A file is read as memory is.
    std::vector<Checkpoint> again;
    again.push_back(open_checkpoint(folder / "tied"));
    run(planned(copied(), again, "ckpt"), again, folder / "again", {.replace = true, .sync = false, .verify = true});
    CHECK(read_file(folder / "again") == file);
  }
}
