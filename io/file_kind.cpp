// SPDX-License-Identifier: Apache-2.0
#include "io/file_kind.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>

#include "io/safetensors/safetensors_file.h"

namespace ckmerge {
namespace {

using namespace std::string_view_literals;

struct Signature {
  size_t offset;
  std::string_view bytes;
  std::string_view kind;
};

constexpr std::string_view kLfsPointer = "a Git-LFS pointer, not the file itself; fetch it with `git lfs pull`";

constexpr std::string_view kGguf = "GGUF";

constexpr Signature kSignatures[] = {
    {0, "PK\5\6"sv, "an empty zip archive"},
    {0, "PK\6\6"sv, "an empty zip archive"},
    {0, kGguf, "a GGUF file (llama.cpp), whose quantized blocks are codes, not numbers to merge; get the original"},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file (Keras .h5)"},
    {0, "\x93NUMPY"sv, "a NumPy array (.npy)"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive; unpack it first"},
    {0, "\x1f\x8b\x08"sv, "a gzip archive; unpack it first"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "an xz archive; unpack it first"},
    {0, "BZh"sv, "a bzip2 archive; unpack it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "a zstd archive; unpack it first"},
    {0, "Rar!\x1a\x07"sv, "a RAR archive; unpack it first"},
    {257, "ustar"sv,
     "a tar archive, the form of PyTorch checkpoints before 2017 or a bundle of files; load it in torch and save it "
     "anew, or unpack it"},
    {0, "\x89PNG\r\n\x1a\n"sv, "a PNG image"},
    {0, "\xff\xd8\xff"sv, "a JPEG image"},
    {0, "%PDF-"sv, "a PDF document"},
    {4, "TFL3"sv, "a TensorFlow Lite model"},
    {0,
     "\x7f"
     "ELF"sv,
     "an ELF program or library"},
    {0, "\0\0\0\0\0\0\0\0"sv, "a file that begins with zeros: space was reserved for a download that never arrived"},
};

// Texts are told apart by how they begin, after a byte-order mark and white space, whatever their case.
constexpr Signature kTexts[] = {
    {0, "version https://git-lfs"sv, kLfsPointer},
    {0, "version https://hawser"sv, kLfsPointer},
    {0, "<!doctype html"sv, "an HTML page, not the file itself; the download went to a web page"},
    {0, "<html"sv, "an HTML page, not the file itself; the download went to a web page"},
    {0, "<"sv, "an XML or HTML document, such as a server's error message, not the file itself"},
    {0, "{"sv, "JSON text, such as a server's error message, not the file itself"},
    {0, "["sv, "JSON text, such as a server's error message, not the file itself"},
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_text_byte(unsigned char c) { return c >= 0x20 ? c != 0x7f : c == '\t' || c == '\n' || c == '\r'; }

bool starts_with_ignoring_case(std::string_view text, std::string_view beginning) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return text.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), text.begin(), [&](char a, char b) { return a == lower(b); });
}

// A protobuf whose first fields are an IR version and the producer's name.
bool is_onnx(std::string_view bytes) {
  return bytes.size() > 4 && bytes[0] == 8 && bytes[1] > 0 && bytes[1] < 32 && bytes[2] == 0x12 && bytes[3] > 0 &&
         is_text_byte(bytes[4]);
}

std::string_view without_byte_order_mark(std::string_view bytes) {
  return bytes.starts_with("\xef\xbb\xbf") ? bytes.substr(3) : bytes;
}

// Of any encoding that keeps ASCII, beginning with ASCII: random bytes are no text.
bool is_text(std::string_view bytes) {
  const std::string_view beginning = bytes.substr(0, 8);
  return std::all_of(bytes.begin(), bytes.end(), [](unsigned char c) { return is_text_byte(c); }) &&
         std::all_of(beginning.begin(), beginning.end(), [](unsigned char c) { return c < 0x80; });
}

std::string_view text_kind(std::string_view bytes) {
  bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
  if (bytes.starts_with('{') && bytes.find("\"weight_map\"") != std::string_view::npos)
    return "the index of a checkpoint in shards, which ckmerge cannot take together yet; give the checkpoint as one "
           "file";
  for (const Signature& text : kTexts)
    if (starts_with_ignoring_case(bytes, text.bytes)) return text.kind;
  return "a text file, such as a server's error message";
}

}  // namespace

bool is_gguf(std::span<const std::byte> first_bytes) { return text_of(first_bytes).starts_with(kGguf); }

std::string_view other_file_kind(std::span<const std::byte> first_bytes) {
  const std::string_view bytes = text_of(first_bytes);
  if (bytes.empty()) return "an empty file";
  if (begins_safetensors(first_bytes)) return {};
  for (const Signature& signature : kSignatures)
    if (bytes.size() > signature.offset && bytes.substr(signature.offset).starts_with(signature.bytes))
      return signature.kind;
  if (is_onnx(bytes)) return "an ONNX model";
  const std::string_view text = without_byte_order_mark(bytes);
  if (is_text(text)) return text_kind(text);
  return {};
}

}  // namespace ckmerge
