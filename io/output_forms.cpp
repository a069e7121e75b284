// SPDX-License-Identifier: Apache-2.0
#include "io/output_forms.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>

#include "io/safetensors/safetensors_layout.h"
#include "io/torch/torch_layout.h"
#include "io/torch/torch_pickle.h"

namespace ckmerge {
namespace {

constexpr const char* kSafetensorsExtensions[] = {".safetensors", ".sft"};
constexpr const char* kTorchExtensions[] = {".ckpt", ".pt", ".pth", ".bin"};

OutputLayout safetensors_layout(std::span<const OutputTensor> tensors, const LayoutOptions& options) {
  return lay_out_safetensors(tensors, options.metadata, options.least_header_size);
}

OutputLayout ckpt_layout(std::span<const OutputTensor> tensors, const LayoutOptions& options) {
  return lay_out_ckpt(tensors, options.metadata, options.wrap);
}

constexpr OutputForm kForms[] = {
    {.name = "safetensors", .extensions = kSafetensorsExtensions, .lay_out = safetensors_layout},
    {.name = "ckpt",
     .extensions = kTorchExtensions,
     .lay_out = ckpt_layout,
     .stores = {.takes = has_torch_storage,
                .before = "a dtype that a .ckpt cannot hold for every torch since 1.6; store floats in another "
                          "(--dtype f16), --discard integers, or write a .safetensors"},
     .is_read = {.takes = is_known_to_a1111,
                 .before = "older versions of A1111 refuse a .ckpt that holds ",
                 .behind = "; F16 and F32 are taken by all (--dtype f16), and so is any .safetensors"},
     .says_format = false,
     .has_levels = true,
     .shares_bytes = true,
     .has_tensor_sum = false},
};

// What other programs go by; of whatever case. What is not here is no known format: ".v1".
struct OtherExtension {
  std::string_view extension, kind;
};

constexpr OtherExtension kOthers[] = {
    {".gguf", "a GGUF file of llama.cpp"},
    {".ggml", "a GGML file of llama.cpp"},
    {".onnx", "an ONNX model"},
    {".npz", "a NumPy archive"},
    {".npy", "a NumPy array"},
    {".h5", "an HDF5 file of Keras"},
    {".hdf5", "an HDF5 file"},
    {".keras", "a Keras model"},
    {".pb", "a TensorFlow graph"},
    {".tflite", "a TensorFlow Lite model"},
    {".index", "a TensorFlow checkpoint's index"},
    {".msgpack", "a Flax checkpoint"},
    {".orbax", "an Orbax checkpoint"},
    {".distcp", "a shard of torch's distributed checkpoint"},
    {".pt2", "a program that torch exported"},
    {".pte", "an ExecuTorch program"},
    {".pdparams", "a Paddle checkpoint"},
    {".mlmodel", "a Core ML model"},
    {".mlpackage", "a Core ML model"},
    {".engine", "a TensorRT engine"},
    {".trt", "a TensorRT engine"},
    {".llamafile", "a llamafile program"},
    {".nemo", "a NeMo archive"},
    {".zip", "a zip archive"},
    {".tar", "a tar archive"},
    {".mar", "a TorchServe archive"},
    {".pkl", "a pickle without an archive"},
    {".pickle", "a pickle without an archive"},
    {".7z", "a 7z archive"},
    {".rar", "a RAR archive"},
    {".gz", "a gzip archive"},
    {".tgz", "a gzip archive"},
    {".xz", "an xz archive"},
    {".zst", "a zstd archive"},
    {".json", "JSON text"},
    {".yaml", "YAML text"},
    {".yml", "YAML text"},
    {".txt", "a text"},
    {".md", "a text"},
    {".csv", "a table"},
    {".py", "a Python program"},
    {".png", "an image"},
    {".jpg", "an image"},
    {".webp", "an image"},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string extension_of(std::string_view path) {
  std::string extension = std::filesystem::path(path).extension();
  std::ranges::transform(extension, extension.begin(), lower);
  return extension;
}

}  // namespace

std::span<const OutputForm> output_forms() { return kForms; }

const OutputForm* find_output_form(std::string_view name) {
  const auto found = std::ranges::find_if(kForms, [&](const OutputForm& form) { return name == form.name; });
  return found == std::end(kForms) ? nullptr : found;
}

const OutputForm* promised_form(std::string_view path) {
  const std::string extension = extension_of(path);
  for (const OutputForm& form : kForms)
    if (std::ranges::find(form.extensions, extension) != form.extensions.end()) return &form;
  return nullptr;
}

std::string_view promised_elsewhere(std::string_view path) {
  const auto found = std::ranges::find(kOthers, extension_of(path), &OtherExtension::extension);
  return found == std::end(kOthers) ? std::string_view() : found->kind;
}

}  // namespace ckmerge
