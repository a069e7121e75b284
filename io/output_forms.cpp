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
     .has_tensor_sum = false},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::span<const OutputForm> output_forms() { return kForms; }

const OutputForm* find_output_form(std::string_view name) {
  const auto found = std::ranges::find_if(kForms, [&](const OutputForm& form) { return name == form.name; });
  return found == std::end(kForms) ? nullptr : found;
}

const OutputForm* promised_form(std::string_view path) {
  std::string extension = std::filesystem::path(path).extension();
  std::ranges::transform(extension, extension.begin(), lower);
  for (const OutputForm& form : kForms)
    if (std::ranges::find(form.extensions, extension) != form.extensions.end()) return &form;
  return nullptr;
}

}  // namespace ckmerge
