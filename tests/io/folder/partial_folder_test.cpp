// SPDX-License-Identifier: Apache-2.0
#include "io/folder/partial_folder.h"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "io/file/output_target.h"
#include "io/text/error.h"
#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;
namespace fs = std::filesystem;

namespace {

void write(const std::string& path, const std::string& text = "x") {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

constexpr const char* kWeights = "vae/diffusion_pytorch_model.safetensors";

void fill(const PartialFolder& folder) {
  folder.make_room_for(kWeights);
  write(folder.path() + "/" + kWeights, "new");
}

ErrorCode code_of(const auto& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::difference;
}

}  // namespace

TEST_CASE("a folder is there as a whole or not at all") {
  const TempFolder folder;
  const std::string target = folder / "out";
  {
    const PartialFolder partial(target + "/", {}, false, false);
    fill(partial);
    CHECK_FALSE(fs::exists(target));
    CHECK(code_of([&] { PartialFolder(target, {}, false, false); }) == ErrorCode::io);  // another run's
  }
  CHECK_FALSE(fs::exists(partial_path(target)));
  PartialFolder partial(target, {}, false, false);
  fill(partial);
  partial.put_in_place();
  CHECK(fs::exists(target + "/" + kWeights));
  CHECK_FALSE(fs::exists(partial_path(target)));
}

TEST_CASE("a folder replaces another in one step, and what a killed run left goes") {
  const TempFolder folder;
  const std::string target = folder / "out";
  write(target + "/" + kWeights, "old");
  write(target + "/scheduler/scheduler_config.json", "old");
  write(partial_path(target) + "/vae/half", "of a killed run");
  CHECK(code_of([&] { PartialFolder(target, {}, false, false); }) == ErrorCode::usage);
  {
    PartialFolder partial(target, {}, true, true);
    CHECK_FALSE(fs::exists(partial.path() + "/vae/half"));
    fill(partial);
    CHECK(fs::exists(target + "/scheduler"));
    partial.put_in_place();
  }
  CHECK(fs::exists(target + "/" + kWeights));
  CHECK_FALSE(fs::exists(target + "/scheduler"));
  CHECK_FALSE(fs::exists(partial_path(target)));
}

TEST_CASE("folders that are something else are not replaced") {
  const TempFolder folder;
  write(folder / "letters/dear", "x");
  write(folder / "file", "x");
  write(folder / ("model/" + std::string(kWeights)), "x");
  fs::create_directories(folder / "empty");
  fs::create_directory_symlink(folder / "model", folder / "link");
  for (const char* const name : {"letters", "file", "link"})
    CHECK(code_of([&] { check_folder_target(folder / name, {}, true); }) == ErrorCode::usage);
  const std::string inside = folder / ("model/" + std::string(kWeights));
  CHECK(code_of([&] { check_folder_target(folder / "model", {&inside, 1}, true); }) == ErrorCode::usage);
  CHECK(code_of([&] { check_folder_target(folder / "nowhere/out", {}, true); }) == ErrorCode::io);
  check_folder_target(folder / "model", {}, true);
  check_folder_target(folder / "empty", {}, false);
}

TEST_CASE("a folder with anything beside a pipeline's files is not replaced") {
  constexpr std::array kForeign{"llama/model.safetensors", "my_lora.safetensors", ".git/HEAD",         "notes.txt",
                                "vae/epoch.safetensors",   "vae/notes.txt",       "unet/x/config.json"};
  constexpr std::array kOwn{"model_index.json",
                            "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
                            "unet/diffusion_pytorch_model.safetensors.index.json",
                            "text_encoder_2/model-00001-of-00002.safetensors",
                            "text_encoder_2/model.fp16.safetensors",
                            "safety_checker/pytorch_model.bin",
                            "tokenizer_2/spiece.model",
                            "scheduler/scheduler_config.json",
                            "feature_extractor/preprocessor_config.json"};
  for (const char* const foreign : kForeign) {
    const TempFolder folder;
    const std::string target = folder / "out";
    write(target + "/" + kWeights);
    for (const char* const own : kOwn) write(target + "/" + own);
    PartialFolder partial(target, {}, true, false);
    fill(partial);
    write(target + "/" + foreign);
    CHECK(code_of([&] { check_folder_target(target, {}, true); }) == ErrorCode::usage);
    CHECK(code_of([&] { partial.put_in_place(); }) == ErrorCode::usage);  // it came while the merge ran
    CHECK(fs::exists(target + "/" + foreign));
  }
}

TEST_CASE("what the index of a pipeline names is part of it, links are not") {
  const TempFolder folder;
  write(folder / "out/movq/diffusion_pytorch_model.safetensors");
  CHECK(code_of([&] { check_folder_target(folder / "out", {}, true); }) == ErrorCode::usage);
  write(folder / "out/model_index.json", R"({"movq": ["diffusers", "VQModel"]})");
  check_folder_target(folder / "out", {}, true);
  fs::create_symlink("/nowhere", folder / "out/movq/config.json");
  CHECK(code_of([&] { check_folder_target(folder / "out", {}, true); }) == ErrorCode::usage);
}
