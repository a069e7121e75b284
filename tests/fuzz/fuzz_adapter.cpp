// SPDX-License-Identifier: Apache-2.0
// An untrusted adapter: a config (JSON, up to an empty line), then tensors a line each (name, dimensions of one digit).
// It is refused with Error(malformed) or Error(mismatch) and a sentence, or read with every tensor somewhere: a factor,
// a scale, a whole tensor, or what is said to be ignored. What it changes of a model then lies within the model's
// tensors, and every module is placed or unmatched; a module that fits is opened and changes all of its weight. Merged
// with itself and resized, it has the shapes that it is said to have.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/adapters/adapter_file.h"
#include "core/adapters/adapter_kind.h"
#include "core/adapters/adapter_targets.h"
#include "core/adapters/making/combination.h"
#include "core/adapters/names/factor_name.h"
#include "core/adapters/peft_config.h"
#include "io/memory/memory_tensors.h"
#include "io/text/error.h"
#include "io/text/json_value.h"

using namespace ckmerge;

namespace {

// One input should take no longer than a fuzzer's round may.
constexpr size_t kMostTensors = 24, kLongest = 120, kMostDimensions = 4, kMostElements = 9 * 9 * 9 * 9;

void expect(bool holds) {
  if (!holds) std::abort();
}

std::string_view take(std::string_view& text, std::string_view end) {
  const size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + end.size(), text.size()));
  return taken;
}

// Elements that any tensor here may have: ones and halves, so that scalars are scales.
const std::vector<float>& elements() {
  static const std::vector<float> made = [] {
    std::vector<float> values(kMostElements, 1.0f);
    for (size_t i = 1; i < values.size(); i += 2) values[i] = 0.5f;
    return values;
  }();
  return made;
}

Checkpoint checkpoint_of(std::string_view text, const Metadata& metadata) {
  std::vector<MemoryTensor> tensors;
  std::deque<std::vector<uint64_t>> shapes;
  std::set<std::string_view> names;
  while (!text.empty() && tensors.size() < kMostTensors) {
    std::string_view line = take(text, "\n");
    const std::string_view name = take(line, " ").substr(0, kLongest);
    if (!names.insert(name).second) continue;
    std::vector<uint64_t>& shape = shapes.emplace_back();
    for (const char digit : line.substr(0, kMostDimensions)) shape.push_back(static_cast<unsigned char>(digit) % 10);
    tensors.push_back({.name = name, .dtype = "F32", .shape = shape, .data = elements().data()});
  }
  Checkpoint checkpoint;
  read_memory(checkpoint, {.name = "memory:fuzzed", .tensors = tensors, .metadata = &metadata});
  return checkpoint;
}

// One with names of several families and makers.
const Checkpoint& model() {
  static const Checkpoint made = checkpoint_of(
      "model.layers.0.self_attn.q_proj.weight 66\nmodel.layers.0.self_attn.q_proj.bias 6\n"
      "model.layers.0.mlp.experts.gate_up_proj 484\nmodel.layers.0.mlp.experts.down_proj 442\n"
      "model.embed_tokens.weight 84\nlm_head.weight 84\n"
      "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight 44\n"
      "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_k.weight 44\n"
      "model.diffusion_model.input_blocks.0.0.weight 4933\n"
      "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight 44\n"
      "double_blocks.0.img_attn.qkv.weight 94\ntransformer_blocks.0.attn.to_q.weight 44\nnorm.weight 4\n",
      {});
  return made;
}

bool is_told(const Adapter& adapter, uint32_t tensor, std::string_view name) {
  for (const AdapterModule& module : adapter.modules)
    for (const Factor& factor : module.factors)
      if (factor.tensor == tensor) return true;
  for (const AdapterReplacement& replacement : adapter.replacements)
    if (replacement.tensor == tensor) return true;
  if (std::ranges::find(adapter.ignored, name) != adapter.ignored.end()) return true;
  const auto told = factor_name(name);
  // Scales and the flag of LyCORIS's IA3 are among the numbers of their modules.
  return told && (told->role == FactorRole::alpha || told->name == "on_input");
}

// Of a weight of ones.
void check_change(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  constexpr uint64_t kMostMemory = 1 << 24;
  const uint64_t rows = weight.rows(), columns = weight.columns();
  if (module.kind->memory(adapter, module, weight) > kMostMemory) return;
  const auto ones = [](uint64_t, uint64_t, std::span<float> out) { std::ranges::fill(out, 1.0f); };
  const auto change = module.kind->open(adapter, module, weight, 1, ones);
  std::vector<float> made(rows * columns, 1.0f);
  change->apply(0, rows, made);
}

void check_targets(const Adapter& adapter) {
  const AdapterTargets targets = adapter_targets(adapter, model(), TiedModules::sum);
  expect(targets.replaced.size() + targets.unplaced.size() + targets.repeated.size() >= adapter.replacements.size());
  std::set<uint32_t> known(targets.unmatched.begin(), targets.unmatched.end());
  expect(targets.nearest.size() == targets.unmatched.size());
  for (const AdaptedTensor& adapted : targets.adapted) {
    expect(adapted.tensor < model().tensors.size() && adapted.weights.size() == adapted.places.size());
    for (size_t i = 0; i < adapted.places.size(); ++i) {
      const ModulePlace& place = adapted.places[i];
      expect(place.module < adapter.modules.size() && place.row_count > 0);
      expect(place.module_row + place.row_count <= adapted.weights[i].rows() * adapted.weights[i].experts);
      known.insert(place.module);
      check_change(adapter, adapter.modules[place.module], adapted.weights[i]);
    }
  }
  expect(known.size() == adapter.modules.size());
}

uint64_t elements_of(const std::vector<uint64_t>& shape) {
  uint64_t count = 1;
  for (const uint64_t extent : shape) count *= extent;
  return count;
}

// As lora merge, lora resize and inspect --blocks compute: of each module there is as much as its shapes say.
void check_combination(const Adapter& adapter, CombinationOptions options) {
  const std::vector<CountedAdapter> both{{.adapter = &adapter}, {.adapter = &adapter, .strength = -0.5}};
  options.spelling = spelling_of(adapter);
  for (const MadeModule& module : combination(both, options)) {
    const FactorPair factors = module.make();
    expect(module.rank() > 0 && module.memory > 0 && module.up_shape[1] == module.rank());
    expect(factors.up.size() == elements_of(module.up_shape));
    expect(factors.down.size() == elements_of(module.down_shape));
  }
}

void check(Checkpoint checkpoint) {
  std::vector<std::string> names;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) names.emplace_back(checkpoint.tensors.name(i));
  const Adapter adapter = read_adapter(std::move(checkpoint));
  expect(!adapter.kind.empty() && (!adapter.modules.empty() || !adapter.replacements.empty()));
  for (uint32_t i = 0; i < names.size(); ++i) expect(is_told(adapter, i, names[i]));
  for (const AdapterModule& module : adapter.modules) expect(module.kind != nullptr && !module.factors.empty());
  check_targets(adapter);
  check_combination(adapter, {});
  check_combination(adapter, {.rank = 2});
  check_combination(adapter, {.energy = 0.9});
}

void refused(const Error& error) {
  expect(error.code() == ErrorCode::mismatch || error.code() == ErrorCode::malformed ||
         error.code() == ErrorCode::usage);
  expect(error.what()[0] != '\0');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string config(take(text, "\n\n"));
  try {
    const JsonValue root = parse_json(config);
    if (root.kind == JsonValue::Kind::object) {
      read_peft_config(root);
      read_peft_config(root, "transformer.");
    }
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::malformed && error.what()[0] != '\0');
  }
  for (const Metadata& metadata : {Metadata{}, Metadata{{"lora_adapter_metadata", config}}}) {
    try {
      check(checkpoint_of(text, metadata));
    } catch (const Error& error) {
      refused(error);
    }
  }
  return 0;
}
