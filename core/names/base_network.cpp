// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/names/adapter_network.h"

namespace ckmerge {
namespace {

using std::string_view;

std::string lower_case(string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

std::string network_of_base(string_view base_model) {
  struct Base {
    string_view word;
    const char* network;  // empty: of no network that this table knows, though a word below is in its name
  };
  constexpr auto kBases = std::to_array<Base>({
      {"llava", ""},
      {"llama-4", ""},
      {"mixtral", "mixtral"},
      {"qwen3-next", ""},
      {"qwen3-vl", ""},
      {"qwen3-omni", ""},
      {"qwen3.5", ""},
      {"-a3b", "qwen3-moe"},
      {"-a22b", "qwen3-moe"},
      {"qwen3", "qwen3"},
      {"moe", ""},
      {"-vl", ""},
      {"qwen2-audio", ""},
      {"qwen2.5-omni", ""},
      {"qwen2", "qwen2"},
      {"qwen1.5", "qwen2"},
      {"qwen-1.5", "qwen2"},
      {"distill-qwen", "qwen2"},
      {"gemma-3n", ""},
      {"gemma-3", "gemma3"},
      {"gemma-2", "gemma2"},
      {"phi-3-v", ""},
      {"phi-3", "phi3"},
      {"phi-4-m", ""},
      {"phi-4", "phi3"},
      {"mistral-small-3", ""},
      {"mistral", "llama"},
      {"vicuna", "llama"},
      {"vision", ""},
      {"llama", "llama"},
      {"flan-t5", "t5"},
      {"gpt2", "gpt2"},
      {"pythia", "gpt-neox"},
      {"gpt-neox", "gpt-neox"},
      {"bloom", "bloom"},
  });
  while (base_model.ends_with('/')) base_model.remove_suffix(1);
  const std::string name = lower_case(base_model.substr(base_model.find_last_of("/\\") + 1));
  const auto found = std::ranges::find_if(kBases, [&](const Base& base) { return name.find(base.word) != name.npos; });
  return found == kBases.end() ? "" : found->network;
}

}  // namespace ckmerge
