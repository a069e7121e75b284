// SPDX-License-Identifier: Apache-2.0
#include "io/registry/model_paths.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string text_of(const std::vector<ModelPlace>& folders) {
  std::string out;
  for (const auto& [kind, path] : folders) out += kind + "=" + path + "\n";
  return out;
}

std::string parsed(const std::string& yaml) { return text_of(parse_model_paths(yaml, "/comfy/extra.yaml", "/me")); }

}  // namespace

TEST_CASE("folders are joined as ComfyUI joins them") {
  CHECK(parsed("a:\n  base_path: /base/\n  vae: models/VAE/\n  loras: |\n    one\n\n    /two\n") ==
        "vae=/base/models/VAE\nloras=/base/one\nloras=/two\n");
  CHECK(parsed("a:\n  checkpoints: models\nb:\n  base_path: ..\n  vae: x/../y\n") ==
        "checkpoints=/comfy/models\nvae=/y\n");
  CHECK(parsed("a:\n  base_path: ~/x\n  is_default: true\n  vae: v\n") == "vae=/me/x/v\n");
  CHECK(parsed("a:\n  base_path: $HOME\n  vae: v\n") == "vae=/me/v\n");
  CHECK(parsed("a:\n  base_path: /x\n  vae:\n") == "");
  CHECK(parsed("") == "");
  CHECK(parsed("# nothing\nempty:\n") == "");
}

TEST_CASE("sections merge others as YAML has it: their own entries win, and the first of several") {
  CHECK(parsed("a: &a\n  base_path: /x\n  vae: v\nb:\n  <<: *a\n  vae: w\n") == "vae=/x/v\nvae=/x/w\n");
  CHECK(parsed("a: &a {base_path: /x}\nb: &b {base_path: /y, vae: v}\nc:\n  <<: [*a, *b]\n  loras: l\n") ==
        "vae=/y/v\nloras=/x/l\nvae=/x/v\n");
  CHECK(failure([] { parsed("a: {<<: b}\n"); }).text.find("'<<' leads to no section") != std::string::npos);
}

TEST_CASE("what has another form is refused with the file's name") {
  for (const char* const yaml : {"- a\n", "a\n", "a: b\n", "a: [b]\n", "a: {b: [c]}\n", "a: {base_path: {x: y}}\n",
                                 "a: {{b: c}: d}\n", "a: 'x\n", "a: *unknown\n", "\t- :"}) {
    const Failure refused = failure([&] { parsed(yaml); });
    CHECK_MESSAGE(refused.code == ErrorCode::malformed, yaml);
    CHECK(refused.where == "/comfy/extra.yaml");
  }
}

TEST_CASE("hostile texts end soon") {
  CHECK(failure([] { parsed(std::string(2 << 20, ' ')); }).code == ErrorCode::malformed);
  CHECK(failure([] { parsed("a: " + std::string(500, '[')); }).code == ErrorCode::malformed);
  std::string merges = "a: &a {vae: v}\n";
  for (char c = 'b'; c < 'f'; ++c) {
    const std::string before = std::string("*") + static_cast<char>(c - 1);
    merges += std::string(1, c) + ": &" + c + " {<<: [" + before + "," + before + "," + before + "," + before + "]}\n";
  }
  CHECK(failure([&] { parsed(merges); }).text.find("merges more than 100") != std::string::npos);
  // Aliases of aliases: half a million strings for who copies them.
  std::string aliases = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'g'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    aliases += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) aliases += (i ? ",*" : "*") + before;
    aliases += "]\n";
  }
  CHECK(failure([&] { parsed(aliases); }).code == ErrorCode::malformed);
}
