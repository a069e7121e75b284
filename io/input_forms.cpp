// SPDX-License-Identifier: Apache-2.0
#include "io/input_forms.h"

#include <algorithm>
#include <iterator>

#include "io/folder/model_folder.h"
#include "io/memory/memory_tensors.h"
#include "io/safetensors/safetensors_file.h"
#include "io/torch/torch_file.h"

namespace ckmerge {
namespace {

constexpr const char* kSafetensorsExtensions[] = {".safetensors", ".sft"};
constexpr const char* kTorchExtensions[] = {".ckpt", ".pt", ".pth", ".bin"};

// safetensors comes first: what begins a zip archive or a pickle may as well be the length of its header.
constexpr InputForm kForms[] = {
    {.name = "safetensors",
     .recorded = "safetensors",
     .extensions = kSafetensorsExtensions,
     .begins = begins_safetensors,
     .open = read_safetensors,
     .tensors_begin = safetensors_tensors_begin,
     .is_canonical = is_canonical_safetensors},
    {.name = "torch zip",  // torch.save since 1.6
     .recorded = "zip",
     .extensions = kTorchExtensions,
     .begins = begins_torch_zip,
     .open = read_torch_zip,
     .has_pickle = true,
     .shares_bytes = true},
    {.name = "torch stream",  // torch.save before
     .recorded = "pickle",
     .extensions = kTorchExtensions,
     .begins = begins_torch_stream,
     .open = read_torch_stream,
     .has_pickle = true,
     .shares_bytes = true},
    {.name = "pickle",  // of something else; to look at only
     .recorded = "pickle",
     .extensions = kTorchExtensions,
     .begins = begins_pickle,
     .open = read_plain_pickle,
     .has_pickle = true},
    {.name = "folder",  // of files, each in a form of its own; opened by io/opened_folder
     .recorded = "folder",
     .extensions = {},
     .begins = begins_no_file,
     .open = open_no_file,
     .shares_bytes = true},  // where its files are torch's
    {.name = "memory",       // a program's tensors; the last row
     .recorded = "memory",
     .extensions = {},
     .begins = begins_no_file,
     .open = open_no_file,
     .shares_bytes = true},
};

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return text.size() > end.size() && std::ranges::equal(text.substr(text.size() - end.size()), end, same);
}

}  // namespace

std::span<const InputForm> input_forms() { return kForms; }

const InputForm& input_form(std::span<const std::byte> first_bytes) {
  const auto claims = [&](const InputForm& form) { return form.begins(first_bytes); };
  const auto found = std::ranges::find_if(kForms, claims);
  return found == std::end(kForms) ? kForms[0] : *found;
}

const InputForm& memory_form() { return *std::rbegin(kForms); }

const InputForm& folder_form() { return *std::next(std::rbegin(kForms)); }

bool is_pipeline(const Checkpoint& checkpoint) {
  return checkpoint.folder && checkpoint.folder->kind == FolderKind::pipeline;
}

std::vector<std::string> components_of(const Checkpoint& checkpoint) {
  std::vector<std::string> components;
  if (is_pipeline(checkpoint))
    for (const ModelFolder::Component& component : checkpoint.folder->components) components.push_back(component.name);
  return components;
}

bool is_called_like_a_form(std::string_view name) {
  const auto ends = [&](const char* extension) { return ends_with_ignoring_case(name, extension); };
  return std::ranges::any_of(kForms, [&](const InputForm& form) { return std::ranges::any_of(form.extensions, ends); });
}

bool has_tensor_sum(std::string_view recorded) {
  return std::ranges::any_of(kForms,
                             [&](const InputForm& form) { return form.tensors_begin && recorded == form.recorded; });
}

}  // namespace ckmerge
