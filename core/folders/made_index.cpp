// SPDX-License-Identifier: Apache-2.0
// Components and classes as the pipelines of diffusers 0.42 take them.
#include "core/folders/made_index.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/inputs/component_places.h"
#include "io/text/json_value.h"
#include "io/text/json_writer.h"

namespace ckmerge {
namespace {

constexpr const char* kDiffusers = "diffusers";
constexpr const char* kTransformers = "transformers";
constexpr const char* kClip = "CLIPTextModel";
constexpr const char* kProjecting = "CLIPTextModelWithProjection";
constexpr const char* kT5 = "T5EncoderModel";

struct Component {
  const char* name = nullptr;  ///< null: there is no further one
  const char* class_name = nullptr;
  const char* library = nullptr;
};
constexpr Component kVae{"vae", "AutoencoderKL", kDiffusers};
constexpr Component kUnet{"unet", "UNet2DConditionModel", kDiffusers};

struct Pipeline {
  std::string_view layout;
  const char* class_name;
  std::string_view in_channels;  ///< of its model: those for inpainting and the like are other pipelines
  Component components[5];
  const char* lacking[6];  ///< components that no checkpoint holds
  const char* flag = nullptr;
  bool flag_is = true;
};

constexpr Pipeline kPipelines[] = {
    {"sd1",
     "StableDiffusionPipeline",
     "4",
     {kVae, {"text_encoder", kClip, kTransformers}, kUnet},
     {"tokenizer", "scheduler", "safety_checker", "feature_extractor", "image_encoder"},
     "requires_safety_checker",
     false},
    {"sd2",
     "StableDiffusionPipeline",
     "4",
     {kVae, {"text_encoder", kClip, kTransformers}, kUnet},
     {"tokenizer", "scheduler", "safety_checker", "feature_extractor", "image_encoder"},
     "requires_safety_checker",
     false},
    {"sdxl",
     "StableDiffusionXLPipeline",
     "4",
     {kVae, {"text_encoder", kClip, kTransformers}, {"text_encoder_2", kProjecting, kTransformers}, kUnet},
     {"tokenizer", "tokenizer_2", "scheduler", "image_encoder", "feature_extractor"},
     "force_zeros_for_empty_prompt"},
    {"sdxl-refiner",
     "StableDiffusionXLImg2ImgPipeline",
     "4",
     {kVae, {"text_encoder_2", kProjecting, kTransformers}, kUnet},
     {"text_encoder", "tokenizer", "tokenizer_2", "scheduler", "image_encoder", "feature_extractor"},
     "requires_aesthetics_score"},
    {"sd3",
     "StableDiffusion3Pipeline",
     "16",
     {kVae,
      {"text_encoder", kProjecting, kTransformers},
      {"text_encoder_2", kProjecting, kTransformers},
      {"text_encoder_3", kT5, kTransformers},
      {"transformer", "SD3Transformer2DModel", kDiffusers}},
     {"tokenizer", "tokenizer_2", "tokenizer_3", "scheduler", "image_encoder", "feature_extractor"}},
    {"flux",
     "FluxPipeline",
     "64",
     {kVae,
      {"text_encoder", kClip, kTransformers},
      {"text_encoder_2", kT5, kTransformers},
      {"transformer", "FluxTransformer2DModel", kDiffusers}},
     {"tokenizer", "tokenizer_2", "scheduler", "image_encoder", "feature_extractor"}},
    {"chroma",
     "ChromaPipeline",
     "64",
     {kVae, {"text_encoder", kT5, kTransformers}, {"transformer", "ChromaTransformer2DModel", kDiffusers}},
     {"tokenizer", "scheduler", "image_encoder", "feature_extractor"}},
};

const FolderFile* file_of(std::span<const FolderFile> files, std::string_view component) {
  const auto found = std::ranges::find(files, component, &FolderFile::component);
  return found == files.end() ? nullptr : &*found;
}

std::string in_channels(const FolderFile& model) {
  const JsonValue config = parse_json(*model.config);
  const auto key = std::ranges::find(config.keys, "in_channels");
  return key == config.keys.end() ? "" : config.items[static_cast<size_t>(key - config.keys.begin())].text;
}

// Whether the pipeline has a place for each of the files, one of which is its model.
bool is_of(const Pipeline& pipeline, std::span<const FolderFile> files) {
  const auto has_place = [&](const FolderFile& file) {
    return file.config && std::ranges::any_of(pipeline.components, [&](const Component& component) {
             return component.name && file.component == component.name;
           });
  };
  const FolderFile* const unet = file_of(files, "unet");
  const FolderFile* const model = unet ? unet : file_of(files, "transformer");
  return model && std::ranges::all_of(files, has_place) && in_channels(*model) == pipeline.in_channels;
}

void write_null(JsonWriter& json, std::string_view name) { json.key(name).begin_array().null().null().end_array(); }

}  // namespace

std::optional<std::string> made_index(std::span<const FolderFile> files, const Checkpoint& checkpoint) {
  const PlacedComponents placed = placed_components(checkpoint);
  if (!placed.layout) return std::nullopt;
  const auto* const pipeline = std::ranges::find(kPipelines, placed.layout->name, &Pipeline::layout);
  if (pipeline == std::end(kPipelines) || !is_of(*pipeline, files)) return std::nullopt;
  JsonWriter json;
  json.begin_object().key("_class_name").value(pipeline->class_name);
  for (const Component& component : pipeline->components) {
    if (!component.name) continue;
    if (file_of(files, component.name))
      json.key(component.name).begin_array().value(component.library).value(component.class_name).end_array();
    else
      write_null(json, component.name);
  }
  for (const char* const name : pipeline->lacking)
    if (name) write_null(json, name);
  if (pipeline->flag) json.key(pipeline->flag).value(pipeline->flag_is);
  json.end_object();
  return json.text() + "\n";
}

}  // namespace ckmerge
