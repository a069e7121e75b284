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
    std::ofstream(folder / file) << "x";
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

TEST_CASE("components without weights are told, links to nowhere and shards beside a file refused") {
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
  CHECK(refused({"unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.safetensors.index.json",
                 "unet/diffusion_pytorch_model-00001-of-00002.safetensors"}) == ErrorCode::mismatch);
  const TempFolder encoder;
  const FolderContents taken = component_files(
      filled(encoder, {"text_encoder/model.safetensors", "text_encoder/model-00001-of-00002.safetensors"}));
  CHECK(taken.components.size() == 1);
  CHECK(taken.notes.size() == 1);
  CHECK(component_files(filled(encoder, {"text_encoder/adapter_model.safetensors"})).notes.size() == 2);
}

TEST_CASE("shards and folders without weights are refused") {
  CHECK(refused({"transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
                 "transformer/diffusion_pytorch_model.safetensors.index.json"}) == ErrorCode::mismatch);
  CHECK(refused({"model-00001-of-00002.safetensors", "model.safetensors.index.json"}) == ErrorCode::mismatch);
  CHECK(refused({"letter.txt"}) == ErrorCode::io);
  CHECK(refused({"model_index.json", "unet/config.json"}) == ErrorCode::io);
}
