// SPDX-License-Identifier: Apache-2.0
// A configuration of mergekit as it was written: what is merged, of nothing opened yet. docs/from-mergekit.md says what
// is done with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mergekit/mergekit_setting.h"
#include "io/text/yaml_value.h"

namespace ckmerge {

/// PATH or ORG/NAME, with @REVISION and +ADAPTER: as it is written.
struct MergekitModel {
  std::string text;
  YamlValue place = {};  ///< line and column

  /// What stands behind the +; empty: none.
  std::string_view adapter() const;

  friend bool operator==(const MergekitModel& a, const MergekitModel& b) { return a.text == b.text; }
};

/// Layers of a model: all of them where no range is given.
struct MergekitSource {
  MergekitModel model;
  std::optional<std::pair<uint32_t, uint32_t>> layers = {};
  MergekitSettings settings = {};
};

/// What some layers of the result are merged from; of a list of models the only slice.
struct MergekitSlice {
  std::vector<MergekitSource> sources;
  std::optional<MergekitModel> base = {};
  MergekitSettings settings = {};
  YamlValue place = {};
};

struct MergekitModule {
  std::string name = {};  ///< empty: no modules were given
  std::vector<MergekitSlice> slices;
  bool of_models = false;  ///< a list of models, not of slices
  MergekitSettings settings = {};
  YamlValue place = {};
};

/// One document.
struct MergekitConfig {
  std::string name = {};  ///< by which later documents call it; empty: none
  std::string method;
  YamlValue method_place = {};
  std::vector<MergekitModule> modules;
  std::optional<MergekitModel> base = {};
  std::string dtype = {}, out_dtype = {};  ///< mergekit's names; empty: none
  MergekitSettings settings = {};
  std::optional<YamlValue> tokenizer_source = {}, tokenizer = {};
  std::string chat_template = {};
  YamlValue place = {};

  /// Of all sources, each once, the base first where there is one.
  std::vector<MergekitModel> models() const;
};

/// All documents of a file.
struct MergekitFile {
  std::string where;  ///< what messages call it
  std::string text;
  std::vector<MergekitConfig> documents;
  std::vector<std::string> warnings = {};

  /// The document of that name; null: there is none, so that it is a model's path.
  const MergekitConfig* called(std::string_view name) const;
  /// The one that is the result: it has no name, or no other uses it. Throws Error(usage) where none or several are.
  const MergekitConfig& result() const;
};

/// Throws Error(usage) with file, line and column: what is no YAML, keys and values that mergekit does not know.
MergekitFile parse_mergekit(const std::string& text, const std::string& where);

}  // namespace ckmerge
