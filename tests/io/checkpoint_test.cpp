// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "io/input_forms.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"
#include "tests/io/safetensors/header_text.h"

using namespace ckmerge;
using namespace ckmerge::test;
using namespace std::string_literals;

namespace {

std::string write(const TempFolder& folder, const std::string& bytes) {
  const std::string path = folder / "x.safetensors";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string length(uint64_t size) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(size >> 8 * i);
  return bytes;
}

std::string file_of(const std::string& json, const std::string& data) { return length(json.size()) + json + data; }

Failure open_fault(const std::string& path) {
  return failure([&] { open_checkpoint(path); });
}

// Empty where the folder of real checkpoints is not beside the project.
std::string real_data() {
  if (const char* folder = std::getenv("CKMERGE_TEST_DATA")) return folder;
  for (std::filesystem::path at = std::filesystem::current_path(); at.has_relative_path(); at = at.parent_path())
    if (std::filesystem::is_directory(at / "shared/data")) return (at / "shared/data").string();
  return "";
}

std::string stored_text(const Checkpoint& checkpoint, size_t index) {
  const Tensor tensor = checkpoint.tensors[index];
  std::string text(tensor.size, '\0');
  checkpoint.shards[tensor.shard].read_at(tensor.offset, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace

TEST_CASE("a checkpoint opens with its tensors, metadata and bytes") {
  TempFolder folder;
  const std::string json = "{\"__metadata__\":{\"format\":\"pt\"}," + u8("b", 0, 2) + "," + u8("a", 2, 3) + "}";
  const std::string path = write(folder, file_of(json, "xyz"));
  const Checkpoint checkpoint = open_checkpoint(path);
  CHECK(checkpoint.path == path);
  CHECK(checkpoint.file_size() == 8 + json.size() + 3);
  CHECK(checkpoint.header_size == json.size());
  CHECK(checkpoint.has_metadata);
  CHECK(checkpoint.metadata == Metadata{{"format", "pt"}});
  REQUIRE(checkpoint.tensors.size() == 2);
  CHECK(stored_text(checkpoint, 0) == "z");
  CHECK(stored_text(checkpoint, 1) == "xy");
}

TEST_CASE("the smallest file opens") {
  TempFolder folder;
  CHECK(open_checkpoint(write(folder, file_of("{}", ""))).tensors.size() == 0);
}

TEST_CASE("faults of the file name its path, once") {
  TempFolder folder;
  const std::string path = write(folder, file_of("{" + u8("a", 0, 2) + "}", "x"));
  const Failure found = open_fault(path);
  CHECK(found.code == ErrorCode::malformed);
  CHECK(found.where == path);
  CHECK(found.text.starts_with(path + ": download incomplete: the header promises a file of "));
  CHECK(found.text.find(path, 1) == std::string::npos);
}

TEST_CASE("a tensor that is called like the file changes nothing in the sentence") {
  TempFolder folder;
  const std::string path = folder / "x.safetensors";
  write(folder, file_of("{" + u8(path, 1, 2) + "}", "xy"));
  CHECK(open_fault(path).text.starts_with(path + ": tensor '" + path + "': its bytes begin at 1, expected 0"));
}

TEST_CASE("files that are something else are refused with what they are") {
  TempFolder folder;
  const auto text = [&](const std::string& bytes) {
    const std::string path = write(folder, bytes);
    const Failure found = open_fault(path);
    CHECK(found.code == ErrorCode::malformed);
    CHECK(found.text.starts_with(path + ": "));
    return found.text.substr(path.size() + 2);
  };
  CHECK(text("") == "not a safetensors or PyTorch file but an empty file");
  CHECK(text("version https://git-lfs.github.com/spec/v1\n") ==
        "not a safetensors or PyTorch file but a Git-LFS pointer, not the file itself; fetch it with `git lfs pull`");
  CHECK(text("PK\3\4\0\0\x08\x08xxxx"s) == "download incomplete: a zip archive without its end");
  CHECK(text("\x80\4]."s) == "a Python pickle, but no PyTorch checkpoint; save tensors with torch.save");
  CHECK(text("\1\2\3") == "the file has 3 bytes, a safetensors file has at least 8");
  CHECK(text(length(~uint64_t{0})).starts_with("not a safetensors file, or damaged"));
  CHECK(text(length(4'000'000) + "{").starts_with("download incomplete: the header alone ends at byte 4000008"));
}

TEST_CASE("a missing file, a folder and a file without permission are run-time errors that say so") {
  TempFolder folder;
  const Failure missing = open_fault(folder / "none");
  CHECK(missing.code == ErrorCode::io);
  CHECK(missing.text == (folder / "none") + ": cannot be opened: No such file or directory");
  const Failure not_a_file = open_fault(folder / "");
  CHECK(not_a_file.code == ErrorCode::io);
  CHECK(not_a_file.text.find("is a folder") != std::string::npos);
  if (geteuid() == 0) {
    std::puts("NOT RUN: opening a file without permission (root may read everything)");
    return;
  }
  const std::string path = write(folder, file_of("{}", ""));
  REQUIRE(chmod(path.c_str(), 0) == 0);
  CHECK(open_fault(path).text == path + ": cannot be opened: Permission denied");
}

TEST_CASE("real checkpoints open; those the reference wrote have our layout") {
  const std::string data = real_data();
  if (data.empty()) {
    std::puts("NOT RUN: opening real checkpoints (no ../shared/data, CKMERGE_TEST_DATA not set)");
    return;
  }
  const auto is_canonical = [](const Checkpoint& checkpoint) { return checkpoint.form->is_canonical(checkpoint); };
  const Checkpoint rfb = open_checkpoint(data + "/rfb/RFB-320.safetensors");
  CHECK(rfb.tensors.size() == 244);
  CHECK(rfb.metadata == Metadata{{"format", "pt"}});
  CHECK(is_canonical(rfb));
  CHECK(is_canonical(open_checkpoint(data + "/mnist/mnist.safetensors")));
  CHECK(!is_canonical(open_checkpoint(data + "/odd/silero_vad_16k.safetensors")));
  const Checkpoint unaligned = open_checkpoint(data + "/odd/lora_disney_unaligned.safetensors");
  CHECK(unaligned.header_size % 8 == 5);
  CHECK(unaligned.tensors.size() == 386);
  CHECK(open_checkpoint(data + "/rfb/RFB-320.pth").form->name == "torch stream"s);
  CHECK(open_checkpoint(data + "/mnist/mnist.pt").form->name == "torch zip"s);
}
