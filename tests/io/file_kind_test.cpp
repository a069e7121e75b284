// SPDX-License-Identifier: Apache-2.0
#include "io/file_kind.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <string>

using namespace ckmerge;
using namespace std::string_literals;

namespace {

std::string kind(const std::string& bytes) {
  return std::string(other_file_kind({.first = std::as_bytes(std::span(bytes))}));
}

bool is(const std::string& bytes, const std::string& beginning) { return kind(bytes).starts_with(beginning); }

std::string length(uint64_t size) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(size >> 8 * i);
  return bytes;
}

}  // namespace

TEST_CASE("downloads of something else are named") {
  CHECK(is("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
           "a Git-LFS pointer, not the file itself"));
  CHECK(is("<!DOCTYPE html><html>", "an HTML page"));
  CHECK(is("\n  <!doctype HTML>", "an HTML page"));
  CHECK(is("\xef\xbb\xbf<html lang=en>", "an HTML page"));
  CHECK(is("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "an XML or HTML document"));
  CHECK(is("{\"error\":\"Repository not found\"}", "JSON text"));
  CHECK(is("{\"metadata\": {\"total_size\": 1}, \"weight_map\": {}}", "the index of a checkpoint in shards"));
  CHECK(is("Entry not found", "a text file"));
  CHECK(is("no", "a text file"));
  CHECK(is("", "an empty file"));
}

TEST_CASE("other formats of checkpoints and archives are named") {
  CHECK(is("GGUF\3\0\0\0\x23\1\0\0"s, "a GGUF file"));
  CHECK(is("\x89HDF\r\n\x1a\n\0\0"s, "an HDF5 file"));
  CHECK(is("\x93NUMPY\1\0v\0{'descr'"s, "a NumPy array"));
  CHECK(is("7z\xbc\xaf\x27\x1c\0\4"s, "a 7z archive"));
  CHECK(is("\x1f\x8b\x08\0\0\0\0\0\2\xff"s, "a gzip archive"));
  CHECK(is("\x28\xb5\x2f\xfd\4\0\0\0\0"s, "a zstd archive"));
  CHECK(is("\x08\x07\x12\x07pytorch\x1a"s, "an ONNX model"));
  CHECK(is(std::string(257, 'x') + "ustar\0"s, "a tar archive"));
  CHECK(is(std::string(512, '\0'), "a file that begins with zeros"));
  const auto gguf = [](const std::string& bytes) { return is_gguf(std::as_bytes(std::span(bytes))); };
  CHECK(gguf("GGUF\3"));
  CHECK(!gguf("GGU"));
}

TEST_CASE("kinds that the end or the name of a file tells") {
  const auto told = [](const std::string& first, const std::string& last, std::string_view path) {
    return std::string(other_file_kind(
        {.first = std::as_bytes(std::span(first)), .last = std::as_bytes(std::span(last)), .path = path}));
  };
  const std::string zeros(64, '\0'), footer = "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
  CHECK(told(zeros, footer, "model.index").starts_with("a part of a TensorFlow checkpoint"));
  CHECK(told(zeros, zeros, "model.ckpt-7.data-00000-of-00001").starts_with("a part of a TensorFlow checkpoint"));
  CHECK(told(zeros, zeros, "model.ckpt-7.data-0000a-of-00001").starts_with("a file that begins with zeros"));
  CHECK(told("05\3\4\0\0"s, zeros, "m.pth").starts_with("a model of GPT-SoVITS"));
  CHECK(told("AB\3\4\0\0"s, zeros, "m.pth") == "");
  CHECK(told("\x81\xa6params\x81"s, zeros, "m").starts_with("a msgpack file"));
  CHECK(told("\xdf\0\0\1\0\xd9\2ab\x81"s, zeros, "m").starts_with("a msgpack file"));
  CHECK(told("\x81\xa6para\1s\x81"s, zeros, "m") == "");
  CHECK(told("\x81\xa0"s, zeros, "m") == "");
}

TEST_CASE("what may be a safetensors file is nothing else") {
  CHECK(kind(length(2) + "{}") == "");
  CHECK(kind(length(100'000'000) + " {") == "");
  CHECK(kind(length(0)) == "");
  CHECK(kind("PK\3\4\0\0\0\0{\"a\""s) == "");      // a header of 67,324,752 bytes
  CHECK(kind("\x80\2\0\0\0\0\0\0{\"a\""s) == "");  // a header of 640 bytes
  CHECK(kind("\x1f\x8b\x08\0\0\0\0\0{\"a\""s) == "");
}

TEST_CASE("bytes that nothing is known of are left to the reader's own errors") {
  CHECK(kind("\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad"s) == "");
  CHECK(kind("\x80\2\0\0\0\0\0\0\xff"s) == "");
  CHECK(kind("\xff"s) == "");
}
