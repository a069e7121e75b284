// SPDX-License-Identifier: Apache-2.0
#include "io/torch/zip_kinds.h"

#include <algorithm>
#include <iterator>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// An entry of that name, in whatever folder, makes an archive one of this kind.
struct ZipKind {
  std::string_view entry;
  std::string_view said;
};

constexpr std::string_view kExported =
    "a program of torch.export (.pt2), not a checkpoint; save its weights in torch: "
    "torch.save(torch.export.load(FILE).state_dict, OUT)";
constexpr std::string_view kScript =
    "a TorchScript program (torch.jit.save), not a checkpoint; load it in torch and save its state_dict()";

constexpr ZipKind kKinds[] = {
    {"constants.pkl", kScript},
    {"code/__torch__.py", kScript},
    {"archive_format", kExported},
    {"serialized_exported_program.json", kExported},
    {"model.weights.h5", "a Keras model (.keras); load it in Keras and save its weights with safetensors.numpy"},
    {"keras_metadata.pb", "a TensorFlow model; load it in TensorFlow and save its weights with safetensors.numpy"},
    {"saved_model.pb", "a TensorFlow model; load it in TensorFlow and save its weights with safetensors.numpy"},
    {"Manifest.json", "a Core ML package (.mlpackage), which holds no weights to merge; get the original"},
    {"[Content_Types].xml", "an Office document"},
    {"META-INF/MANIFEST.MF", "a Java or Android program, or a model archive of TorchServe; unpack it first"},
};

constexpr std::string_view kCheckpoints[] = {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin"};

bool is_named(std::string_view path, std::string_view entry) {
  return path == entry ||
         (path.size() > entry.size() && path.ends_with(entry) && path[path.size() - entry.size() - 1] == '/');
}

bool is_script(std::string_view path) { return path.find("/code/") != path.npos; }

}  // namespace

std::string other_zip_kind(const ZipDirectory& zip) {
  size_t arrays = 0;
  std::string_view checkpoint;
  for (size_t i = 0; i < zip.size(); ++i) {
    const std::string_view name = zip.name(zip[i]);
    const auto claims = [&](const ZipKind& kind) { return is_named(name, kind.entry); };
    if (const auto kind = std::ranges::find_if(kKinds, claims); kind != std::end(kKinds))
      return std::string(kind->said);
    if (is_script(name)) return std::string(kScript);
    arrays += name.ends_with(".npy");
    if (std::ranges::any_of(kCheckpoints, [&](std::string_view end) { return name.ends_with(end); })) checkpoint = name;
  }
  if (arrays > 0 && arrays == zip.size())
    return "NumPy arrays (.npz); save them as safetensors: "
           "safetensors.numpy.save_file(dict(numpy.load(FILE)), OUT)";
  if (!checkpoint.empty()) return sentence("a zip archive in which ", checkpoint, " lies; unpack it first");
  return {};
}

}  // namespace ckmerge
