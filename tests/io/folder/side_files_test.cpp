// SPDX-License-Identifier: Apache-2.0
#include "io/folder/side_files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

void touch(const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << "x";
}

}  // namespace

TEST_CASE("files beside weights are told by their names") {
  using enum SideKind;
  CHECK(side_kind("config.json") == config);
  for (const char* name :
       {"tokenizer.json", "tokenizer.model", "tokenizer.model.v3", "vocab.txt", "merges.txt", "chat_template.jinja",
        "generation_config.json", "preprocessor_config.json", "spiece.model", "qwen.tiktoken", "LICENSE.txt"})
    CHECK_MESSAGE(side_kind(name) == carried, name);
  for (const char* name : {"model.safetensors", "pytorch_model.bin", "model.safetensors.index.json",
                           "model.safetensors.index.fp16.json", "consolidated.00.pth", "model.gguf"})
    CHECK_MESSAGE(side_kind(name) == weights, name);
  for (const char* name :
       {"optimizer.pt", "rng_state_0.pth", "training_args.bin", "trainer_state.json", "zero_to_fp32.py"})
    CHECK_MESSAGE(side_kind(name) == training, name);
  CHECK(side_kind("params.json") == native_config);
  CHECK(side_kind("adapter_config.json") == adapter);
  CHECK(side_kind("hf_quant_config.json") == quantized);
  CHECK(side_kind("modeling_x.py") == code);
  CHECK(side_kind("README.md") == card);
  for (const char* name : {"notes.txt", "config.json.bak", "image.png"}) CHECK_MESSAGE(side_kind(name) == other, name);
}

TEST_CASE("what lies in a model's folder and is none of it is named") {
  const TempFolder folder;
  const std::string path = folder / "model";
  for (const char* name :
       {"model-00001-of-00002.safetensors", "model.safetensors.index.json", "config.json", "README.md",
        ".gitattributes", "modeling_x.py", "additional_chat_templates/a.jinja", "1_Pooling/config.json"})
    touch(path + "/" + name);
  CHECK(foreign_model_entry(path).empty());
  CHECK(holds_model(path));
  for (const char* name :
       {"mine.safetensors", "models.safetensors", "optimizer.pt", "train.py", "a/b", "adapter_model.bin", ".cache/x"}) {
    touch(path + "/" + name);
    const std::string first = std::string(name).substr(0, std::string(name).find('/'));
    CHECK(foreign_model_entry(path) == first);
    std::filesystem::remove_all(path + "/" + first);
  }
  std::filesystem::create_symlink("config.json", path + "/link.json");
  CHECK(foreign_model_entry(path) == "link.json");
}

TEST_CASE("a folder of configs holds no model") {
  const TempFolder folder;
  touch(folder / "x/config.json");
  touch(folder / "x/lora.safetensors");
  CHECK_FALSE(holds_model(folder / "x"));
}
