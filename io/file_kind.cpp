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

// Bytes at one place.
struct Signature {
  size_t offset;
  std::string_view bytes;
  std::string_view kind;
};

constexpr std::string_view kLfsPointer = "a Git-LFS pointer, not the file itself; fetch it with `git lfs pull`";

constexpr std::string_view kGguf = "GGUF";

constexpr std::string_view kTensorFlow =
    "a part of a TensorFlow checkpoint (.index, .data-N-of-M); load it in TensorFlow (tf.train.load_checkpoint) and "
    "save "
    "its arrays with safetensors.numpy";

constexpr Signature kSignatures[] = {
    {0, "PK\5\6"sv, "an empty zip archive"},
    {0, "PK\6\6"sv, "an empty zip archive"},
    {0, kGguf, "a GGUF file (llama.cpp), whose quantized blocks are codes, not numbers to merge; get the original"},
    {0, "\x89HDF\r\n\x1a\n"sv,
     "an HDF5 file (Keras .h5); load it in Keras or h5py and save its weights with safetensors.numpy"},
    {0, "\x93NUMPY"sv,
     "a NumPy array (.npy); save it as safetensors: safetensors.numpy.save_file({NAME: numpy.load(FILE)}, OUT)"},
    {0, "\x0c\xdb\x3a\x2a"sv,
     "a manifest of Orbax (OCDBT), whose arrays lie in its folder; load the folder in JAX and save its arrays with "
     "safetensors.flax.save_file"},
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
    {0, "model_checkpoint_path:"sv, kTensorFlow},
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

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What ends a table of LevelDB, as TensorFlow's index is: its magic number.
bool is_tensorflow_index(const FileLook& look) {
  return text_of(look.last).ends_with("\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv);
}

// NAME.data-00000-of-00001: bytes alone, which nothing but the name tells.
bool is_tensorflow_data(const FileLook& look) {
  constexpr std::string_view kPattern = ".data-#####-of-#####";
  if (look.path.size() <= kPattern.size()) return false;
  const std::string_view end = look.path.substr(look.path.size() - kPattern.size());
  return std::equal(end.begin(), end.end(), kPattern.begin(),
                    [](char c, char pattern) { return pattern == '#' ? is_digit(c) : c == pattern; });
}

// Since v2Pro, GPT-SoVITS puts two digits in the place of a zip archive's first two bytes.
bool is_gpt_sovits(const FileLook& look) {
  const std::string_view bytes = text_of(look.first);
  return bytes.size() > 4 && is_digit(bytes[0]) && is_digit(bytes[1]) && bytes.substr(2, 2) == "\3\4"sv;
}

// A map whose first key is a text, as flax writes its weights.
bool is_msgpack(const FileLook& look) {
  const std::string_view bytes = text_of(look.first);
  const auto byte = [&](size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
  const size_t key = byte(0) == 0xde ? 3 : byte(0) == 0xdf ? 5 : 1;
  if (key == 1 && (byte(0) < 0x81 || byte(0) > 0x8f)) return false;
  const size_t size = byte(key) == 0xd9 ? byte(key + 1) : byte(key) & 0x1f;
  const size_t begin = byte(key) == 0xd9 ? key + 2 : key + 1;
  if (byte(key) != 0xd9 && (byte(key) & 0xe0) != 0xa0) return false;
  const std::string_view text = bytes.substr(std::min(begin, bytes.size()), size);
  return size > 0 && text.size() == size &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return is_text_byte(c); });
}

// A protobuf whose first fields are an IR version and the producer's name.
bool is_onnx(const FileLook& look) {
  const std::string_view bytes = text_of(look.first);
  return bytes.size() > 4 && bytes[0] == 8 && bytes[1] > 0 && bytes[1] < 32 && bytes[2] == 0x12 && bytes[3] > 0 &&
         is_text_byte(bytes[4]);
}

// What no constant bytes at one place tell.
struct Kind {
  bool (*is)(const FileLook&);
  std::string_view said;
};

constexpr Kind kKinds[] = {
    {is_tensorflow_index, kTensorFlow},
    {is_tensorflow_data, kTensorFlow},
    {is_gpt_sovits,
     "a model of GPT-SoVITS: a PyTorch archive whose first two bytes say which version it is, in place of PK; put them "
     "back in a copy of it (printf PK | dd of=COPY conv=notrunc) and give that"},
    {is_msgpack,
     "a msgpack file, as flax writes weights; read it with flax.serialization.msgpack_restore and save its arrays with "
     "safetensors.flax.save_file"},
    {is_onnx, "an ONNX model"},
};

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

std::string_view other_file_kind(const FileLook& look) {
  const std::string_view bytes = text_of(look.first);
  if (bytes.empty()) return "an empty file";
  if (begins_safetensors(look.first)) return {};
  for (const Kind& kind : kKinds)
    if (kind.is(look)) return kind.said;
  for (const Signature& signature : kSignatures)
    if (bytes.size() > signature.offset && bytes.substr(signature.offset).starts_with(signature.bytes))
      return signature.kind;
  const std::string_view text = without_byte_order_mark(bytes);
  if (is_text(text)) return text_kind(text);
  return {};
}

}  // namespace ckmerge
