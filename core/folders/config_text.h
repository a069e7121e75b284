// SPDX-License-Identifier: Apache-2.0
// What configs are written with: fields by name, and sizes looked up in a component's tensors.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/families/told_component.h"
#include "io/text/json_writer.h"

namespace ckmerge {

/// A component of a checkpoint, of which a config is made.
struct ConfigSubject {
  const ComponentNames& names;
  std::string_view family;    ///< its own
  std::string_view pipeline;  ///< of the model beside it, by core/inputs/layout_table; empty: there is none
};

/// Dimension `dimension` of the tensor `name`. Throws NoConfig where there is none.
uint64_t size_of(const ComponentNames& names, std::string_view name, size_t dimension);

/// The names and shapes are not enough, or contradict each other: there is no config.
struct NoConfig {
  std::string known = {};  ///< the fields that they tell, as a config has them; empty: nothing is sure
};

class ConfigText {
 public:
  /// Of a class of diffusers.
  explicit ConfigText(std::string_view class_name) { json_.begin_object().key("_class_name").value(class_name); }
  /// Of a class of transformers, which knows its configs by the kind of model.
  ConfigText(std::string_view class_name, std::string_view model_type) {
    json_.begin_object().key("architectures").begin_array().value(class_name).end_array();
    json_.key("model_type").value(model_type);
  }
  template <typename Value>
  ConfigText& field(std::string_view key, const Value& value) {
    json_.key(key).value(value);
    return *this;
  }
  ConfigText& field(std::string_view key, const std::vector<uint64_t>& numbers);
  std::string take();

 private:
  JsonWriter json_;
};

std::string unet_config(const ConfigSubject& subject);
std::string autoencoder_config(const ConfigSubject& subject);
std::string clip_config(const ConfigSubject& subject);
std::string t5_config(const ConfigSubject& subject);
std::string qwen_image_config(const ConfigSubject& subject);
std::string wan_config(const ConfigSubject& subject);
std::string wan_vae_config(const ConfigSubject& subject);

}  // namespace ckmerge
