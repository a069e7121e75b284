// SPDX-License-Identifier: Apache-2.0
#include "io/folder/component_files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "io/text/error.h"
#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;
namespace fs = std::filesystem;

namespace {

std::string filled(const TempFolder& folder, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    fs::create_directories(fs::path(folder / file).parent_path());
    std::ofstream(folder / file) << (file == "model_index.json" ? "{}" : "x");
  }
  return folder / "";
}

// "component=file" of each.
std::vector<std::string> found(const std::vector<std::string>& files) {
  const TempFolder folder;
  std::vector<std::string> out;
  for (const ComponentFiles& component : component_files(filled(folder, files)).components)
    out.push_back(component.component + "=" + fs::path(component.paths.at(0)).filename().string());
  return out;
}

ErrorCode refused(const std::vector<std::string>& files) {
  const TempFolder folder;
  try {
    component_files(filled(folder, files));
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::difference;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("components are sub-folders with weights, whatever else there is") {
  CHECK(found({"unet/diffusion_pytorch_model.safetensors", "text_encoder_2/model.safetensors", "tokenizer/vocab.json",
               "model_index.json", "old.safetensors", ".cache/vae/model.safetensors", "notes/model.safetensors"}) ==
        Names{"text_encoder_2=model.safetensors", "unet=diffusion_pytorch_model.safetensors"});
}

TEST_CASE("of several files of weights the plain one in safetensors is taken") {
  CHECK(found({"vae/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.safetensors",
               "vae/diffusion_pytorch_model.bin"}) == Names{"vae=diffusion_pytorch_model.safetensors"});
  CHECK(found({"vae/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.fp16.safetensors"}) ==
        Names{"vae=diffusion_pytorch_model.fp16.safetensors"});
  CHECK(found({"text_encoder/pytorch_model.bin"}) == Names{"text_encoder=pytorch_model.bin"});
  const TempFolder folder;
  const std::string path =
      filled(folder, {"vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.bin"});
  CHECK(component_files(path).notes.size() == 1);
}

TEST_CASE("a component's folder is a checkpoint by itself") {
  CHECK(found({"config.json", "model.safetensors"}) == Names{"=model.safetensors"});
}

TEST_CASE("components without weights are told, links to nowhere refused") {
  const TempFolder folder;
  const std::string path = filled(folder, {"unet/model.safetensors", "vae/config.json", "safety_checker/notes.txt",
                                           "text_encoder/config.json", "tokenizer/config.json", "prior/config.json"});
  CHECK(component_files(path).lacking == Names{"prior", "text_encoder", "vae"});
  std::ofstream(folder / "model_index.json")
      << R"({"unet": ["d", "UNet"], "vae": ["d", "VAE"], "movq": ["d", "VQ"], "prior": [null, null],)"
         R"( "safety_checker": ["s", "Checker"], "tokenizer": ["t", "CLIPTokenizer"]})";
  CHECK(component_files(path).lacking == Names{"safety_checker", "text_encoder", "vae", "movq"});
  fs::create_symlink("/nowhere/blob", folder / "vae/diffusion_pytorch_model.safetensors");
  CHECK_THROWS_AS(component_files(path), Error);
  const TempFolder encoder;
  const FolderContents taken = component_files(
      filled(encoder, {"text_encoder/model.safetensors", "text_encoder/model-00001-of-00002.safetensors"}));
  CHECK(taken.components.size() == 1);
  CHECK(taken.notes.size() == 1);
  CHECK(component_files(filled(encoder, {"text_encoder/adapter_model.safetensors"})).notes.size() == 2);
}

TEST_CASE("shards are found by their index, or by their numbers") {
  const TempFolder folder;
  const std::string path = filled(folder, {"transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
                                           "transformer/diffusion_pytorch_model-00001-of-00002.safetensors"});
  const WeightSet numbered = component_files(path).components.at(0).set;
  CHECK(numbered.files == Names{"diffusion_pytorch_model-00001-of-00002.safetensors",
                                "diffusion_pytorch_model-00002-of-00002.safetensors"});
  CHECK(numbered.index.empty());
  std::ofstream(folder / "transformer/diffusion_pytorch_model.safetensors.index.json")
      << R"({"weight_map": {"a": "diffusion_pytorch_model-00002-of-00002.safetensors"}})";
  const FolderContents listed = component_files(path);
  CHECK(listed.components.at(0).set.files == Names{"diffusion_pytorch_model-00002-of-00002.safetensors"});
  CHECK(listed.left == Names{"transformer/diffusion_pytorch_model-00001-of-00002.safetensors"});
  CHECK(listed.kind == FolderKind::pipeline);
  CHECK(refused({"transformer/diffusion_pytorch_model-00001-of-00002.safetensors"}) == ErrorCode::io);
}

TEST_CASE("of a file and an index the loader of the folder's kind decides") {
  const TempFolder folder;
  const std::string path = filled(folder, {"model.safetensors", "model-00001-of-00001.safetensors"});
  std::ofstream(folder / "model.safetensors.index.json")
      << R"({"weight_map": {"a": "model-00001-of-00001.safetensors"}})";
  CHECK_THROWS_AS(component_files(path), Error);
  std::ofstream(folder / "config.json") << R"({"model_type": "llama"})";
  const FolderContents transformers = component_files(path);
  CHECK(transformers.components.at(0).set.files == Names{"model.safetensors"});
  CHECK(transformers.left == Names{"model.safetensors.index.json", "model-00001-of-00001.safetensors"});
  CHECK(transformers.notes.size() == 1);
  std::ofstream(folder / "config.json") << R"({"_class_name": "UNet2DConditionModel"})";
  const FolderContents diffusers = component_files(path);
  CHECK(diffusers.components.at(0).set.index == "model.safetensors.index.json");
  CHECK(diffusers.left == Names{"model.safetensors"});
}

TEST_CASE("folders without weights are refused") {
  CHECK(refused({"letter.txt"}) == ErrorCode::io);
  CHECK(refused({"model_index.json", "unet/config.json"}) == ErrorCode::io);
}
