// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/one_model.h"

#include <utility>
#include <vector>

#include "core/adapters/making/module_names.h"
#include "core/names/architecture.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string network_of_adapter(const Adapter& adapter) {
  const Checkpoint& file = adapter.file;
  return std::string(network_of(guess_architecture(file.tensors, file.metadata, file.judgement).architecture));
}

const char* owner(ModuleNaming naming) {
  return naming == ModuleNaming::original ? "the model's publisher" : "diffusers";
}

bool counts(const CountedAdapter& counted, const AdapterModule& module) {
  return (counted.of_encoders && is_of_encoder(module.name) ? *counted.of_encoders : counted.strength) != 0;
}

// What the adapters before had, and the first of them that had it.
class Comparison {
 public:
  explicit Comparison(AdapterSpelling spelling) : spelling_(spelling) {}

  void add(const CountedAdapter& counted) {
    compare_networks(*counted.adapter);
    compare_namings(*counted.adapter);
    if (spelling_ == AdapterSpelling::peft) compare_components(counted);
  }

  void finish() {
    if (faults_.empty()) return;
    const std::string first = faults_[0];
    if (faults_.size() == 1) faults_.clear();
    throw Error(ErrorCode::mismatch, where_, first, std::move(faults_));
  }

 private:
  void fault(const Adapter& adapter, const std::string& what) {
    if (faults_.empty()) where_ = adapter.file.path;
    faults_.push_back(sentence(adapter.file.path, ": ", what));
  }

  void compare_networks(const Adapter& adapter) {
    const std::string network = network_of_adapter(adapter);
    if (network.empty()) return;
    if (network_.empty()) network_ = network, of_network_ = adapter.file.path;
    if (network != network_)
      fault(adapter, sentence("is for ", network, ", and ", of_network_, " for ", network_,
                              "; adapters are added up where they are for one model"));
  }

  // The sum would have two names for one module; and what one of them fuses, the other has apart.
  void compare_namings(const Adapter& adapter) {
    for (const AdapterModule& module : adapter.modules) {
      const ModuleNaming naming = naming_of_module(module.name);
      if (naming == ModuleNaming::unknown) continue;
      if (naming_ == ModuleNaming::unknown) naming_ = naming, of_naming_ = adapter.file.path;
      if (naming == naming_) continue;
      return fault(adapter, sentence("calls modules as ", owner(naming), " does ('", module.name, "'), and ",
                                     of_naming_ == adapter.file.path ? "others" : of_naming_, " as ", owner(naming_),
                                     "; only the model tells which are the same: bake all into it, and extract"));
    }
  }

  // A folder of PEFT is loaded into one model.
  void compare_components(const CountedAdapter& counted) {
    for (const AdapterModule& module : counted.adapter->modules) {
      if (!counts(counted, module)) continue;
      const std::string_view component = component_of_module(module.name);
      if (module_.empty()) component_ = component, module_ = module.name;
      if (component == component_) continue;
      return fault(*counted.adapter,
                   sentence("'", module.name, "' and '", module_,
                            "' are modules of two components, and PEFT loads a folder into one; take another "
                            "--spelling"));
    }
  }

  AdapterSpelling spelling_;
  std::string network_, of_network_, of_naming_, component_, module_;
  ModuleNaming naming_ = ModuleNaming::unknown;
  std::string where_;
  std::vector<std::string> faults_;
};

}  // namespace

void expect_one_model(std::span<const CountedAdapter> adapters, AdapterSpelling spelling) {
  Comparison comparison(spelling);
  for (const CountedAdapter& counted : adapters) comparison.add(counted);
  comparison.finish();
}

bool has_sole_encoder(std::span<const CountedAdapter> adapters) {
  bool has_unet = false;
  for (const CountedAdapter& counted : adapters) {
    const std::string network = network_of_adapter(*counted.adapter);
    if (!network.empty()) return network == "sd1" || network == "sd2";
    for (const AdapterModule& module : counted.adapter->modules) {
      const std::string path = folded_module_name(module.name);
      if (path.starts_with("te2_")) return false;
      has_unet |= path.starts_with("unet_down_blocks_") || path.starts_with("unet_up_blocks_") ||
                  path.starts_with("unet_mid_block_");
    }
  }
  return has_unet;  // SDXL is told by its depth and widths
}

}  // namespace ckmerge
