// SPDX-License-Identifier: Apache-2.0
#include "tests/core/adapters/adapter_files.h"

#include <filesystem>
#include <fstream>

#include "io/checkpoint.h"
#include "io/text/sentence.h"

namespace ckmerge::test {

std::vector<FileTensor> tensors_of(const Shapes& shapes, float alpha) {
  std::vector<FileTensor> tensors;
  for (const auto& [name, shape] : shapes) {
    uint64_t count = 1;
    for (const uint64_t extent : shape) count *= extent;
    tensors.push_back(f32(name, shape, std::vector<float>(count, name.ends_with(".alpha") ? alpha : 0)));
  }
  return tensors;
}

void add_kohya(Shapes& shapes, const std::string& module, uint64_t out, uint64_t in, uint64_t rank) {
  shapes.push_back({module + ".alpha", {}});
  shapes.push_back({module + ".lora_down.weight", {rank, in}});
  shapes.push_back({module + ".lora_up.weight", {out, rank}});
}

void add_dotted(Shapes& shapes, const std::string& module, uint64_t out, uint64_t in, uint64_t rank) {
  shapes.push_back({module + ".lora_A.weight", {rank, in}});
  shapes.push_back({module + ".lora_B.weight", {out, rank}});
}

Adapter AdapterFiles::kohya(const Shapes& shapes, const std::string& metadata) {
  const std::string path = folder_ / ("lora" + std::to_string(number_++) + ".safetensors");
  return read_adapter(open_checkpoint(write_file(path, tensors_of(shapes), 0, metadata)));
}

std::string AdapterFiles::write_peft(const Shapes& shapes, const std::string& config) {
  std::string folder = folder_ / ("peft" + std::to_string(number_++));
  std::filesystem::create_directory(folder);
  write_file(folder + "/adapter_model.safetensors", tensors_of(shapes));
  if (!config.empty()) std::ofstream(folder + "/adapter_config.json") << config;
  return folder;
}

Adapter AdapterFiles::peft(const Shapes& shapes, const std::string& config) {
  return read_adapter(open_checkpoint(write_peft(shapes, config)));
}

Checkpoint AdapterFiles::model(const Shapes& shapes) {
  const std::string path = folder_ / ("model" + std::to_string(number_++) + ".safetensors");
  return open_checkpoint(write_file(path, tensors_of(shapes)));
}

std::vector<std::string> places_of(const AdapterTargets& targets, const Adapter& adapter, const Checkpoint& model,
                                   const std::string& tensor) {
  std::vector<std::string> texts;
  for (const AdaptedTensor& adapted : targets.adapted) {
    if (model.tensors.name(adapted.tensor) != tensor) continue;
    for (const ModulePlace& place : adapted.places)
      texts.push_back(sentence(adapter.modules[place.module].name, " ", place.first_row, "+", place.row_count, " <- ",
                               place.module_row));
  }
  return texts;
}

}  // namespace ckmerge::test
