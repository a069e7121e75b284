// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/mergekit_config.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <initializer_list>
#include <set>

#include "core/names/near_name.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using YamlKind = YamlValue::Kind;

YamlValue place_of(const YamlValue& value) { return {.line = value.line, .column = value.column}; }

class Reader {
 public:
  explicit Reader(MergekitFile& file) : file_(file) {}

  MergekitConfig document(const YamlValue& root) {
    expect(root, YamlKind::map, "a configuration of mergekit is a map: merge_method, models");
    MergekitConfig config{.method = "", .modules = {}, .place = place_of(root)};
    const std::vector<Member> members = {
        {"name", [&](const YamlValue& value) { config.name = text(value, "a name is a text"); }},
        {"merge_method",
         [&](const YamlValue& value) {
           config.method = text(value, "'merge_method' is the name of a method");
           config.method_place = place_of(value);
         }},
        {"base_model", [&](const YamlValue& value) { config.base = model(value); }},
        {"dtype", [&](const YamlValue& value) { config.dtype = dtype(value); }},
        {"out_dtype", [&](const YamlValue& value) { config.out_dtype = dtype(value); }},
        {"parameters", [&](const YamlValue& value) { config.settings = read_mergekit_settings(value, file_.where); }},
        {"models", [&](const YamlValue& value) { config.modules.push_back(of_models(value)); }},
        {"slices", [&](const YamlValue& value) { config.modules.push_back(of_slices(value)); }},
        {"modules", [&](const YamlValue& value) { read_modules(value, config); }},
        {"tokenizer_source", [&](const YamlValue& value) { config.tokenizer_source = value; }},
        {"tokenizer", [&](const YamlValue& value) { config.tokenizer = value; }},
        {"chat_template",
         [&](const YamlValue& value) { config.chat_template = text(value, "a chat template is a text"); }}};
    read_members(root, members);
    check(root, config);
    return config;
  }

 private:
  struct Member {
    std::string name;
    std::function<void(const YamlValue&)> read;
  };

  [[noreturn]] void refuse(const YamlValue& place, const std::string& what) const {
    refuse_at(file_.where, place, what);
  }

  void expect(const YamlValue& value, YamlKind kind, const char* what) const {
    if (value.kind != kind) refuse(value, what);
  }

  std::string text(const YamlValue& value, const char* what) const {
    if (value.kind != YamlKind::scalar || value.text.empty()) refuse(value, what);
    return value.text;
  }

  // A null is as if its key were not there.
  void read_members(const YamlValue& map, const std::vector<Member>& members) const {
    std::vector<std::string> names;
    for (const Member& member : members) names.push_back(member.name);
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const YamlValue& key = map.keys[i];
      const auto member = std::ranges::find(members, key.text, &Member::name);
      if (member == members.end()) refuse(key, unknown(key.text, names));
      if (map.items[i].kind != YamlKind::null) member->read(map.items[i]);
    }
  }

  static std::string unknown(const std::string& key, const std::vector<std::string>& names) {
    const std::string near = nearest_name(key, names);
    return sentence("'", valid_utf8(key), "' is unknown", near.empty() ? "" : "; did you mean '" + near + "'?");
  }

  std::string dtype(const YamlValue& value) const {
    std::string name = text(value, "a dtype is a name, as in bfloat16");
    if (name.starts_with("torch.")) name = name.substr(6);
    for (const char* const known : {"bfloat16", "float16", "float32", "float64"})
      if (name == known) return name;
    refuse(value,
           sentence("the dtype is '", valid_utf8(name), "'; mergekit knows bfloat16, float16, float32 and float64"));
  }

  // "PATH@REV+ADAPTER", or {model: {path, revision}, lora, override_architecture} as mergekit writes it.
  MergekitModel model(const YamlValue& value) const {
    if (value.kind == YamlKind::scalar && !value.text.empty()) return {.text = value.text, .place = place_of(value)};
    expect(value, YamlKind::map, "a model is a path, or org/name, with @REVISION");
    MergekitModel out{.text = "", .place = place_of(value)};
    std::string path, adapter;
    read_members(value, {{"model", [&](const YamlValue& of) { path = model_path(of); }},
                         {"lora", [&](const YamlValue& of) { adapter = "+" + model_path(of); }},
                         {"override_architecture", [](const YamlValue&) {}}});
    out.text = path + adapter;
    if (path.empty()) refuse(value, "a model without a path");
    return out;
  }

  std::string model_path(const YamlValue& value) const {
    if (value.kind == YamlKind::scalar) return value.text;
    expect(value, YamlKind::map, "a model is a path, or {path: PATH, revision: REV}");
    std::string path, revision;
    read_members(value, {{"path", [&](const YamlValue& of) { path = of.text; }},
                         {"revision", [&](const YamlValue& of) { revision = "@" + of.text; }}});
    return path + revision;
  }

  uint32_t layer(const YamlValue& value) const {
    uint32_t number = 0;
    const char* const end = value.text.data() + value.text.size();
    const auto [stop, fault] = std::from_chars(value.text.data(), end, number);
    if (value.kind != YamlKind::scalar || fault != std::errc() || stop != end || number > kMostLayers)
      refuse(value, "a layer is a whole number from 0");
    return number;
  }

  std::pair<uint32_t, uint32_t> layers(const YamlValue& value) const {
    if (value.kind != YamlKind::list || value.items.size() != 2)
      refuse(value, "'layer_range' is [FROM, TO], without the layer TO");
    const std::pair range(layer(value.items[0]), layer(value.items[1]));
    if (range.first > range.second)
      refuse(value, "'layer_range' ends before it begins; it is [FROM, TO], without the layer TO");
    return range;
  }

  MergekitSource source(const YamlValue& value, bool has_layers) const {
    expect(value, YamlKind::map, has_layers ? "a source is a map: model, layer_range" : "an entry is a map: model");
    MergekitSource out{.model = {}};
    std::vector<Member> members = {
        {"model", [&](const YamlValue& of) { out.model = model(of); }},
        {"parameters", [&](const YamlValue& of) { out.settings = read_mergekit_settings(of, file_.where); }}};
    if (has_layers) members.push_back({"layer_range", [&](const YamlValue& of) { out.layers = layers(of); }});
    read_members(value, members);
    if (out.model.text.empty()) refuse(value, "'model' is missing");
    if (has_layers && !out.layers) refuse(value, "'layer_range' is missing");
    return out;
  }

  std::vector<MergekitSource> sources(const YamlValue& value, bool has_layers) const {
    expect(value, YamlKind::list, "models and sources are lists");
    std::vector<MergekitSource> out;
    for (const YamlValue& item : value.items) out.push_back(source(item, has_layers));
    if (out.empty()) refuse(value, "the list is empty");
    return out;
  }

  MergekitModule of_models(const YamlValue& value) const {
    return {.slices = {{.sources = sources(value, false), .place = place_of(value)}},
            .of_models = true,
            .place = place_of(value)};
  }

  MergekitModule of_slices(const YamlValue& value) {
    expect(value, YamlKind::list, "'slices' is a list");
    MergekitModule out{.slices = {}, .place = place_of(value)};
    for (const YamlValue& item : value.items) {
      expect(item, YamlKind::map, "a slice is a map: sources");
      MergekitSlice slice{.sources = {}, .place = place_of(item)};
      read_members(item, {{"sources", [&](const YamlValue& of) { slice.sources = sources(of, true); }},
                          {"base_model", [&](const YamlValue& of) { slice.base = model(of); }},
                          {"residual_weight", [&](const YamlValue& of) { warn_of_residual(of); }},
                          {"parameters",
                           [&](const YamlValue& of) { slice.settings = read_mergekit_settings(of, file_.where); }}});
      if (slice.sources.empty()) refuse(item, "'sources' is missing");
      out.slices.push_back(std::move(slice));
    }
    if (out.slices.empty()) refuse(value, "there is no slice");
    return out;
  }

  void warn_of_residual(const YamlValue& value) {
    file_.warnings.push_back(
        sentence(file_.where, ":", value.line,
                 ": 'residual_weight' changes nothing, as in mergekit, which reads it and no more"));
  }

  void read_modules(const YamlValue& value, MergekitConfig& config) {
    expect(value, YamlKind::map, "'modules' is a map: the name of a module, and its slices or models");
    for (size_t i = 0; i < value.keys.size(); ++i) {
      const YamlValue& of = value.items[i];
      expect(of, YamlKind::map, "a module has slices or models");
      std::optional<MergekitModule> module;
      MergekitSettings settings;
      const auto take = [&](MergekitModule read) {
        if (module) refuse(of, "a module has either slices or models");
        module = std::move(read);
      };
      read_members(
          of, {{"slices", [&](const YamlValue& list) { take(of_slices(list)); }},
               {"models", [&](const YamlValue& list) { take(of_models(list)); }},
               {"parameters", [&](const YamlValue& map) { settings = read_mergekit_settings(map, file_.where); }}});
      if (!module) refuse(of, "a module has slices or models");
      module->name = value.keys[i].text;
      module->settings = std::move(settings);
      module->place = place_of(value.keys[i]);
      config.modules.push_back(std::move(*module));
    }
  }

  void check(const YamlValue& root, const MergekitConfig& config) const {
    size_t kinds = 0;
    for (const char* const kind : {"models", "slices", "modules"})
      if (const YamlValue* const found = root.find(kind)) kinds += found->kind != YamlKind::null;
    if (config.method.empty()) refuse(root, "'merge_method' is missing");
    if (kinds != 1 || config.modules.empty())
      refuse(root, "one of 'models', 'slices' and 'modules' says what is merged");
    if (config.tokenizer && config.tokenizer_source)
      refuse(*config.tokenizer, "'tokenizer' and 'tokenizer_source' say the same; give one");
  }

  static constexpr uint32_t kMostLayers = 1U << 20;
  MergekitFile& file_;
};

void add_once(std::vector<MergekitModel>& models, const MergekitModel& model) {
  if (std::ranges::find(models, model) == models.end()) models.push_back(model);
}

}  // namespace

std::string_view MergekitModel::adapter() const {
  const size_t plus = text.find('+');
  return plus == text.npos ? std::string_view() : std::string_view(text).substr(plus + 1);
}

std::vector<MergekitModel> MergekitConfig::models() const {
  std::vector<MergekitModel> models;
  if (base) models.push_back(*base);
  for (const MergekitModule& module : modules)
    for (const MergekitSlice& slice : module.slices) {
      for (const MergekitSource& source : slice.sources) add_once(models, source.model);
      if (slice.base) add_once(models, *slice.base);
    }
  return models;
}

const MergekitConfig* MergekitFile::called(std::string_view name) const {
  const auto found = std::ranges::find(documents, name, &MergekitConfig::name);
  return name.empty() || found == documents.end() ? nullptr : &*found;
}

const MergekitConfig& MergekitFile::result() const {
  if (const auto found = std::ranges::find(documents, "", &MergekitConfig::name); found != documents.end())
    return *found;
  std::set<std::string> used;
  for (const MergekitConfig& document : documents)
    for (const MergekitModel& model : document.models()) used.insert(model.text);
  const MergekitConfig* result = nullptr;
  for (const MergekitConfig& document : documents) {
    if (used.contains(document.name)) continue;
    if (result)
      throw Error(ErrorCode::usage, where,
                  sentence(where, ": both '", result->name, "' and '", document.name,
                           "' are used by no other document; leave the name away of the one that is the result"));
    result = &document;
  }
  if (!result) throw Error(ErrorCode::usage, where, where + ": its documents use each other in a circle");
  return *result;
}

MergekitFile parse_mergekit(const std::string& text, const std::string& where) {
  MergekitFile file{.where = where, .text = text, .documents = {}};
  Reader reader(file);
  for (const YamlValue& root : parse_yaml_documents(text, where)) {
    MergekitConfig document = reader.document(root);
    const auto same = std::ranges::find(file.documents, document.name, &MergekitConfig::name);
    if (same != file.documents.end())
      refuse_at(where, root,
                document.name.empty() ? "a second document without a name; only the result has none"
                                      : sentence("a second document is called '", document.name, "'"));
    file.documents.push_back(std::move(document));
  }
  if (file.documents.empty()) throw Error(ErrorCode::usage, where, where + ": is empty");
  return file;
}

}  // namespace ckmerge
