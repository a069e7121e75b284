// SPDX-License-Identifier: Apache-2.0
// Sources: LoraLayer.update_layer and its kin in PEFT 0.21; LycorisBaseModule of LyCORIS 4.1;
// lora_state_dict_to_network of kohya's scripts.
#include "core/adapters/module_scale.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/adapters/adapter_kind.h"
#include "io/table/tensor_reader.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

// The factors that tell ranks, of which the first that is there counts, and the dimension that does.
struct RankRow {
  string_view factor;
  size_t dimension;
};
constexpr RankRow kRanks[] = {
    {"lora_A", 0},  {"lora_embedding_A", 0}, {"hada_t1", 0},         {"hada_w1_b", 0},
    {"lokr_t2", 0}, {"lokr_w2_b", 0},        {"lokr_w1_b", 0},       {"a2", 0},
    {"q_layer", 0}, {"deft_R", 0},           {"randlora_lambda", 0}, {"gralora_A", 2},
};

const Factor* factor_of(const AdapterModule& module, string_view name) {
  const auto found = std::ranges::find(module.factors, name, &Factor::name);
  return found == module.factors.end() ? nullptr : &*found;
}

float widened(Dtype dtype, uint32_t bits) {
  float value = 0;
  if (dtype == Dtype::BF16) bits <<= 16;
  if (dtype == Dtype::F16) {
    const uint32_t exponent = bits >> 10 & 0x1f, mantissa = bits & 0x3ff;
    const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                            : exponent == 31
                                ? (mantissa == 0 ? INFINITY : NAN)
                                : std::ldexp(static_cast<float>(mantissa | 0x400), static_cast<int>(exponent) - 25);
    return bits >> 15 != 0 ? -magnitude : magnitude;
  }
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename Number>
double as(const std::array<std::byte, 8>& bytes) {
  Number number;
  std::memcpy(&number, bytes.data(), sizeof number);
  return static_cast<double>(number);
}

// Which fields of a config scale the product of kinds whose modules have no patterns of their own.
struct ScaleRow {
  string_view kind, alpha, rank;  ///< alpha by rank; without a rank alpha alone
  double alpha_otherwise;
};
constexpr ScaleRow kScales[] = {
    {"RandLoRA", "randlora_alpha", "r", 640},
    {"DEFT", "alpha", "r", 0},
    {"FourierFT", "scaling", "", 150},
    {"WaveFT", "scaling", "", 25},
    {"PEANUT", "scaling", "", 1},
};

constexpr double kDefaultRank = 8, kDefaultAlpha = 8, kDefaultInitRank = 12;

// LoRA, be it on a base that its initialisation changed.
bool is_lora(string_view kind) {
  return kind.starts_with("LoRA") || kind == "PiSSA" || kind == "OLoRA" || kind == "KaSA";
}
bool is_by_rank(string_view kind) { return is_lora(kind) || kind.starts_with("LoHa") || kind.starts_with("LoKr"); }

bool is_rank(double rank) { return rank >= 1 && rank == std::floor(rank); }

string bad_rank(double rank) {
  return sentence("its rank is ", number_text(rank), ", where the config or the file must have a whole number above 0");
}

// Every factor has the rank that its config says; `stored` is 0 where none tells it.
string other_rank(uint64_t stored, double rank) {
  if (stored == 0 || static_cast<double>(stored) == rank) return "";
  return sentence("its factors have rank ", stored, ", its config says ", number_text(rank));
}

// Of LoRA, LoHa and LoKr: each pattern, or the default.
string set_by_rank(const Adapter& adapter, AdapterModule& module, const PeftConfig& config, string_view name) {
  const bool of_lora = is_lora(module.kind->name);
  const double rank = config.ranks.find(name).value_or(config.number("r", kDefaultRank));
  const double alpha =
      config.alphas.find(name).value_or(config.number(of_lora ? "lora_alpha" : "alpha", kDefaultAlpha));
  if (!is_rank(rank)) return bad_rank(rank);
  module.scale = alpha / (of_lora && config.flag("use_rslora") ? std::sqrt(rank) : rank);
  module.numbers["r"] = rank;
  module.numbers["alpha"] = alpha;
  const uint64_t stored = rank_of(adapter, module);
  const double blocks = static_cast<double>(stored) / rank;
  if (module.kind->name != "LoRA" || !(blocks > 1) || blocks != std::floor(blocks)) return other_rank(stored, rank);
  module.numbers["blocks of rank"] = blocks;  // experts have one each, which the model tells
  return "";
}

string set_by_row(const Adapter& adapter, AdapterModule& module, const PeftConfig& config, const ScaleRow& row) {
  const double alpha = config.number(row.alpha, row.alpha_otherwise);
  const double rank = row.rank.empty() ? 1 : config.number(row.rank, kDefaultRank);
  if (!is_rank(rank)) return bad_rank(rank);
  // DEFT without an alpha scales nothing.
  module.scale = row.alpha_otherwise == 0 && alpha == 0 ? 1 : alpha / rank;
  return row.rank.empty() ? "" : other_rank(rank_of(adapter, module), rank);
}

string set_by_kind(const Adapter& adapter, AdapterModule& module, const PeftConfig& config) {
  const string_view kind = module.kind->name;
  if (kind == "AdaLoRA") {
    constexpr double kEpsilon = 1e-5;  // PEFT's
    const double rank = config.number("init_r", kDefaultInitRank), alpha = config.number("lora_alpha", kDefaultAlpha);
    if (!is_rank(rank)) return bad_rank(rank);
    module.scale = (alpha > 0 ? alpha : rank) / (rank + kEpsilon);
    // Some of it may have been pruned.
    const uint64_t stored = rank_of(adapter, module);
    return static_cast<double>(stored) > rank ? other_rank(stored, rank) : "";
  }
  if (kind == "GraLoRA") {
    const double own = config.number("r", 32), rank = own + config.number("hybrid_r", 0);
    if (!is_rank(rank)) return bad_rank(rank);
    module.scale = config.number("alpha", 64) / rank;
    return other_rank(rank_of(adapter, module), own);
  }
  const auto row = std::ranges::find(kScales, kind, &ScaleRow::kind);
  return row == std::end(kScales) ? "" : set_by_row(adapter, module, config, *row);
}

bool is_whole_lokr(const AdapterModule& module) { return factor_of(module, "lokr_w1") && factor_of(module, "lokr_w2"); }

}  // namespace

uint64_t rank_of(const Adapter& adapter, const AdapterModule& module) {
  for (const RankRow& row : kRanks)
    if (const Factor* const factor = factor_of(module, row.factor)) {
      const Shape shape = adapter.file.tensors[factor->tensor].shape;
      return row.dimension < shape.size() ? shape[row.dimension] : 0;
    }
  return 0;
}

double number_in(const Checkpoint& file, uint32_t tensor) {
  const Tensor row = file.tensors[tensor];
  std::array<std::byte, 8> bytes{};
  if (row.count != 1 || row.size > bytes.size())
    throw Error(ErrorCode::malformed, std::string(row.name),
                sentence(file.path, ": ", row.name, " should hold one number, and holds ", row.count));
  TensorReader().read(file, tensor, 0, row.size, bytes.data());
  switch (row.dtype) {
    case Dtype::F64: return as<double>(bytes);
    case Dtype::I64: return as<int64_t>(bytes);
    case Dtype::U64: return as<uint64_t>(bytes);
    case Dtype::I32: return as<int32_t>(bytes);
    case Dtype::I16: return as<int16_t>(bytes);
    case Dtype::I8: return as<int8_t>(bytes);
    case Dtype::U8:
    case Dtype::BOOL: return as<uint8_t>(bytes);
    case Dtype::F32: return static_cast<double>(widened(Dtype::F32, static_cast<uint32_t>(as<uint32_t>(bytes))));
    case Dtype::F16:
    case Dtype::BF16: return static_cast<double>(widened(row.dtype, static_cast<uint32_t>(as<uint16_t>(bytes))));
    default:
      throw Error(ErrorCode::malformed, std::string(row.name),
                  sentence(file.path, ": ", row.name, " should hold a number, and is ", info(row.dtype).name));
  }
}

string set_scale(const Adapter& adapter, AdapterModule& module, std::optional<double> alpha) {
  const string_view kind = module.kind->name;
  if (alpha && !std::isfinite(*alpha)) return sentence("its alpha is ", number_text(*alpha));
  if (kind == "Diag-OFT" || kind == "BOFT of LyCORIS") {
    module.numbers["constraint"] = alpha.value_or(0);
    return "";
  }
  if (alpha) module.numbers["alpha"] = *alpha;
  const uint64_t rank = rank_of(adapter, module);
  if (rank > 0) module.numbers["r"] = static_cast<double>(rank);
  if (!alpha || *alpha == 0 || is_whole_lokr(module)) return "";
  if (rank == 0)
    return factor_of(module, "lora_B") || kind.starts_with("LoHa") ? "its rank, which alpha is divided by, is not there"
                                                                   : "";
  module.scale = *alpha / static_cast<double>(rank);
  return "";
}

string set_scale(const Adapter& adapter, AdapterModule& module, const PeftConfig& config, string_view name) {
  const string_view kind = module.kind->name;
  if (is_by_rank(kind)) {
    for (const char* const key : {"nblocks", "init_lora_weights=pissa", "init_lora_weights=olora"})
      if (const double number = config.number(key, 0); number != 0) module.numbers[key] = number;
    const string_view own = name.substr(name.rfind('.') + 1);
    const auto is_in_name = [&](const string& part) { return own.find(part) != string_view::npos; };
    if (std::ranges::any_of(config.blocks_of_a, is_in_name)) module.numbers["has blocks of lora_A"] = 1;
    return set_by_rank(adapter, module, config, name);
  }
  module.numbers = config.numbers;
  if (const auto rank = config.ranks.find(name)) module.numbers["r"] = *rank;
  if (const auto lambda = config.lambdas.find(name)) module.numbers["delora_lambda"] = *lambda;
  if (kind == "IA3" && config.is_feedforward(name)) module.numbers["is_feedforward"] = 1;
  return set_by_kind(adapter, module, config);
}

}  // namespace ckmerge
