// SPDX-License-Identifier: Apache-2.0
// The names are those that ComfyUI, Hugging Face (fp8, compressed-tensors), bitsandbytes, AutoGPTQ and AutoAWQ write.
#include "io/table/quantized_names.h"

#include <optional>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

class Recognizer {
 public:
  explicit Recognizer(const TensorTable& tensors) : tensors_(tensors) {}

  std::string kind(const Tensor& tensor) {
    const size_t dot = tensor.name.rfind('.');
    stem_ = dot == string_view::npos ? string_view() : tensor.name.substr(0, dot + 1);
    const string_view leaf = tensor.name.substr(stem_.size());
    if (leaf == "scaled_fp8") return told("scaled fp8", tensor.name, "is its mark");
    if (leaf == "comfy_quant") return told("layers that ComfyUI quantized", tensor.name, "is their mark");
    if (leaf.starts_with("bitsandbytes__"))
      return told(sentence(leaf.substr(14), " of bitsandbytes"), tensor.name, "is its mark");
    if (leaf == "qweight") return packed(tensor);
    if (leaf == "SCB" && dtype_of("weight") == Dtype::I8) return scaled("int8 of bitsandbytes", tensor);
    if (leaf == "scale_weight" || leaf == "weight_scale" || leaf == "weight_scale_inv") return scale(tensor);
    if (leaf == "scale") return plain_scale(tensor);
    if (leaf == "_scale" && dtype_of("_data")) return told("codes of quanto", tensor.name, "is their scale");
    return blocks(tensor, leaf);
  }

 private:
  std::optional<Dtype> dtype_of(string_view leaf) const {
    const size_t index = tensors_.find(sentence(stem_, leaf));
    return index == TensorTable::npos ? std::nullopt : std::optional(tensors_[index].dtype);
  }

  static std::string told(string_view kind, string_view name, string_view what) {
    constexpr size_t kLongest = 200;
    return sentence(kind, " (", name.substr(0, kLongest), " ", what, ")");
  }
  std::string scaled(string_view kind, const Tensor& scale) const {
    return told(kind, scale.name, "is the scale of the weight beside it");
  }

  std::string packed(const Tensor& tensor) const {
    if (dtype_of("g_idx")) return told("GPTQ", tensor.name, "holds packed integers");
    if (dtype_of("qzeros")) return told("AWQ or GPTQ", tensor.name, "holds packed integers");
    return dtype_of("scales") || dtype_of("wscales") ? told("packed integers", tensor.name, "has its scales beside it")
                                                     : "";
  }

  // DeepSeek's fp8 has `weight` and `scale`, or `weight` and `weight.scale`; HQQ `W_q` and `scale`.
  std::string plain_scale(const Tensor& scale) const {
    if (dtype_of("W_q")) return told("packed integers of HQQ", scale.name, "is their scale");
    std::optional<Dtype> weight = dtype_of("weight");
    if (const size_t index = stem_.empty() ? TensorTable::npos : tensors_.find(stem_.substr(0, stem_.size() - 1));
        index != TensorTable::npos)
      weight = tensors_[index].dtype;
    if (weight == Dtype::F8_E4M3 || weight == Dtype::F8_E5M2) return scaled("scaled fp8", scale);
    return weight == Dtype::I8 || weight == Dtype::U8 ? scaled("scaled codes", scale) : "";
  }

  // gpt-oss: `W.blocks` and `W.scales`, or `W_blocks` and `W_scales`, both of bytes.
  std::string blocks(const Tensor& tensor, string_view leaf) const {
    constexpr string_view kBlocks = "blocks";
    if (tensor.dtype != Dtype::U8 || !leaf.ends_with(kBlocks)) return "";
    const string_view front = leaf.substr(0, leaf.size() - kBlocks.size());
    if (!front.empty() && !front.ends_with('_')) return "";
    return dtype_of(sentence(front, "scales")) == Dtype::U8 ? told("mxfp4", tensor.name, "has its scales beside it")
                                                            : "";
  }

  // A scale beside a weight of full precision is a parameter like others.
  std::string scale(const Tensor& scale) const {
    if (dtype_of("weight_packed")) return scaled("packed integers of compressed-tensors", scale);
    const std::optional<Dtype> weight = dtype_of("weight");
    if (!weight) return "";
    if (dtype_of("weight_scale_2") || *weight == Dtype::F4) return scaled("nvfp4", scale);
    if (scale.dtype == Dtype::F8_E8M0) return scaled("mxfp8 or mxfp4", scale);
    if (*weight == Dtype::F8_E4M3 || *weight == Dtype::F8_E5M2) return scaled("scaled fp8", scale);
    if (*weight == Dtype::I8) return scaled("scaled int8", scale);
    return *weight == Dtype::U8 ? scaled("packed codes", scale) : "";
  }

  const TensorTable& tensors_;
  string_view stem_;  // of the name at hand, with its dot
};

}  // namespace

std::string quantized_kind(const TensorTable& tensors, const Metadata& metadata) {
  for (const auto& [key, value] : metadata)
    if (key == "_quantization_metadata")
      return "layers that ComfyUI quantized (its metadata has _quantization_metadata)";
  Recognizer recognizer(tensors);
  for (size_t i = 0; i < tensors.size(); ++i)
    if (std::string kind = recognizer.kind(tensors[i]); !kind.empty()) return kind;
  return "";
}

}  // namespace ckmerge
