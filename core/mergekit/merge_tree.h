// SPDX-License-Identifier: Apache-2.0
// What a tensor of the result is merged from: the calls of the documents in each other, down to tensors of models, with
// the numbers that hold for it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mergekit/mergekit_config.h"
#include "core/mergekit/mergekit_methods.h"
#include "core/mergekit/place_number.h"
#include "core/names/layer_runs.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

struct MergeTree {
  const MergekitMethod* method = nullptr;  ///< null: a tensor of an input
  uint32_t input = 0;
  LayerPlace place = {};  ///< there
  std::vector<MergeTree> operands = {};
  std::vector<std::vector<PlaceNumber>> numbers = {};  ///< by parameter of the method
  bool has_base = false;                               ///< of operands the first, as what the method works from
  uint64_t seed = 0;                                   ///< of its random numbers
  MergekitLikeness likeness = {};
};

/// What trees are made for.
struct MergekitInputs {
  const MergekitFile& file;
  std::vector<MergekitModel> models;        ///< by input
  std::span<const Checkpoint> checkpoints;  ///< the same, opened, under the names that they have
  bool is_flat = false;                     ///< as mergekit-pytorch: of no layers; gradients have their first number
  uint64_t seed = 0;                        ///< of random numbers
  MergekitLikeness likeness = {};
};

class MergeTrees {
 public:
  /// Throws Error(usage) of a document's place: documents that use each other in a circle, methods that are not there.
  explicit MergeTrees(const MergekitInputs& inputs);

  /// The places of the result. The first is what lies before the layers and in no module of its own.
  std::vector<LayerPlace> places() const;
  /// Throws Error(usage): models that the method does not take, a parameter that is missing, a word that is no number,
  /// layers that a model lacks.
  MergeTree tree(const LayerPlace& place) const { return tree(result_, place); }

  /// The run of an input that `run` of the first one is; null: there is none.
  const LayerRun* run_of(size_t input, const std::string& run) const;
  const std::vector<LayerRun>& runs_of(size_t input) const { return runs_[input]; }
  /// What names of a place begin with, in the spelling of each input, once: nothing beside layers.
  std::vector<std::string> prefixes(const LayerPlace& place) const;
  /// How many layers of `run` the result has, and whether they are the language model's.
  uint32_t layers(const std::string& run) const;
  /// The most layers of `run` that any document has, of those that trees were made for.
  uint32_t most_layers(const std::string& run) const;
  bool is_language(const std::string& run) const { return run == language_; }
  const MergekitInputs& inputs() const { return inputs_; }

 private:
  // Where a document takes a place from.
  struct Choice {
    const MergekitModule* module;
    const MergekitSlice* slice;
    uint32_t offset = 0;  // of the layer in the slice
    uint32_t layers = 1;  // of the slice; 1 beside layers
  };
  MergeTree tree(const MergekitConfig& document, const LayerPlace& place) const;
  void refuse_misplaced(const MergekitMethod& method, const MergekitParameter& parameter,
                        const std::vector<MergekitSource>& sources) const;
  MergeTree source_tree(const MergekitModel& model, const LayerPlace& place) const;
  Choice choice(const MergekitConfig& document, const MergekitModule& module, const LayerPlace& place) const;
  const MergekitModule* module_of(const MergekitConfig& document, const LayerPlace& place) const;
  bool is_carried(const std::string& run) const;
  bool is_of_run(const MergekitModule& module, const std::string& run) const;
  std::vector<MergekitSource> sources_of(const MergekitConfig& document, const Choice& choice) const;
  void check_sources(const MergekitConfig& document, const MergekitMethod& method, const MergekitSlice& slice,
                     const std::vector<MergekitSource>& sources) const;
  uint32_t layers_of(const MergekitModel& model, const std::string& run) const;
  uint32_t layers_of(const MergekitConfig& document, const std::string& run) const;
  uint32_t layers_of(const MergekitModule& module, const MergekitSlice& slice, const std::string& run) const;
  const std::vector<uint32_t>& ends_of(const MergekitModule& module, const std::string& run) const;
  void check_circles(const MergekitConfig& document, std::set<std::string> above,
                     std::set<const MergekitConfig*>& checked) const;
  [[noreturn]] void refuse(const YamlValue& place, const std::string& what) const;

  const MergekitInputs& inputs_;
  const MergekitConfig& result_;
  std::vector<std::vector<LayerRun>> runs_;  // by input
  std::string language_ = {};                // prefix of the language model's layers in the first
  mutable std::map<std::pair<const MergekitConfig*, std::string>, uint32_t> layers_;  // of documents, by run
  mutable std::map<std::pair<const MergekitModule*, std::string>, std::vector<uint32_t>> ends_;
  mutable uint32_t calls_ = 0;
};

}  // namespace ckmerge
