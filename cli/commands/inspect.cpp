// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>

#include "cli/commands/commands.h"
#include "cli/options/sizes.h"
#include "cli/report/adapter_blocks.h"
#include "cli/report/adapter_contents.h"
#include "cli/report/components_report.h"
#include "cli/report/dicts_json.h"
#include "cli/report/report.h"
#include "cli/report/weight_report.h"
#include "io/input_forms.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {
namespace {

struct DtypeTotal {
  uint64_t tensors = 0, elements = 0, bytes = 0;
};

// What inspect says of a checkpoint beyond its table.
struct Summary {
  std::map<Dtype, DtypeTotal, std::greater<>> totals;  // in the order of the canonical layout
  uint64_t elements = 0;
  uint64_t unaligned = 0;  // tensors that do not start at a multiple of their element's size
  bool canonical = false;  // it is laid out as ckmerge would lay it out
};

bool is_aligned(const Tensor& tensor) {
  const uint64_t bytes = info(tensor.dtype).bits / 8;
  return bytes == 0 || tensor.offset % bytes == 0;
}

Summary summary_of(const Checkpoint& checkpoint) {
  Summary summary;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const Tensor tensor = checkpoint.tensors[i];
    DtypeTotal& total = summary.totals[tensor.dtype];
    ++total.tensors;
    total.elements += tensor.count;
    total.bytes += tensor.size;
    summary.elements += tensor.count;
    summary.unaligned += !is_aligned(tensor);
  }
  summary.canonical = checkpoint.form->is_canonical && checkpoint.form->is_canonical(checkpoint);
  return summary;
}

// ---- for people

// Columns of a terminal that a metadata value may take; recipes and licences in there run to megabytes.
constexpr size_t kMetadataWidth = 100;

std::string total_line(Dtype dtype, const DtypeTotal& total) {
  return std::string("  ") + info(dtype).name + "  " + counted(total.tensors, "tensor") + ", " +
         counted(total.elements, "element") + ", " + size_text(total.bytes) + "\n";
}

std::string metadata_lines(const Checkpoint& checkpoint) {
  if (!checkpoint.has_metadata) return "  no metadata\n";
  const Metadata& metadata = checkpoint.metadata;
  return "  metadata: " + counted(metadata.size(), "key") + "\n" + listed(metadata.size(), [&](size_t i) {
           const auto& [key, value] = metadata[i];
           return shortened(key, kMetadataWidth) + ": " + shortened(value, kMetadataWidth);
         });
}

std::string tensor_line(const Tensor& tensor) {
  return shortened(tensor.name, kNameWidth) + "  " + info(tensor.dtype).name + " " + shape_text(tensor.shape) + "  " +
         size_text(tensor.size);
}

// Of an adapter those that its modules lie in, of all else those that --weight knows.
class Blocks {
 public:
  explicit Blocks(const Checkpoint& checkpoint) {
    if (is_adapter(checkpoint))
      adapter_.emplace(checkpoint);
    else
      map_.emplace(blocks_of(checkpoint));
  }
  std::string of(const Tensor& tensor) const {
    return map_ ? map_->blocks()[map_->of(map_->weight_name(tensor.name))].name : adapter_->of(tensor.name);
  }
  std::string lines() const { return map_ ? block_lines(*map_) : adapter_->lines(); }
  void write(JsonWriter& json) const { map_ ? write_blocks(json, *map_) : adapter_->write(json); }

 private:
  std::optional<BlockMap> map_;
  std::optional<AdapterBlocks> adapter_;
};

std::string layout_line(const Summary& summary, const InputForm& form) {
  if (!form.is_canonical) return "";
  std::string out =
      summary.canonical ? "  layout canonical" : "  layout not canonical (`ckmerge merge -m copy` makes it so)";
  if (summary.unaligned == 0) return out + ", tensors aligned\n";
  return out + ", " + counted(summary.unaligned, "tensor") + " not aligned to the element's size\n";
}

// What the file's pickle names, what is not harmless first of all.
std::string pickle_lines(const Checkpoint& checkpoint) {
  if (!checkpoint.form->has_pickle) return "";
  std::string out = std::string("  ") + checkpoint.form->name + ", tensors at " +
                    (checkpoint.key.empty() ? "the top" : visible(checkpoint.key)) + "\n";
  std::vector<PickleGlobal> globals = checkpoint.globals;
  std::ranges::stable_sort(globals, std::greater<>(), &PickleGlobal::danger);
  out += "  its pickle names " + counted(globals.size(), "global") + ":\n";
  for (const PickleGlobal& global : globals)
    out += std::string("    ") + name(global.danger) + "  " + visible(global.name) + "\n";
  return out;
}

std::string note_lines(const Checkpoint& checkpoint) {
  std::string out;
  const Judgement& judgement = checkpoint.judgement;
  if (judgement.holds == Holds::codes) out += "  quantized: " + visible(judgement.text()) + "\n";
  if (judgement.holds == Holds::factors) out += "  adapter: " + visible(judgement.text()) + "\n";
  if (judgement.holds == Holds::weights && judgement.factors > 0)
    out += "  " + counted(judgement.factors, "factor") +
           " of an adapter beside its weights: " + visible(judgement.kind) + "\n";
  for (const std::string& note : checkpoint.notes) out += "  " + visible(note) + "\n";
  if (!checkpoint.unread.empty())
    out += "  not read: " + counted(checkpoint.unread.size(), "tensor") + "\n" +
           listed(checkpoint.unread.size(), [&](size_t i) {
             const UnreadTensor& tensor = checkpoint.unread[i];
             return shortened(tensor.name, kNameWidth) + " " + visible(tensor.why);
           });
  return out;
}

std::string header_text(const Checkpoint& checkpoint) {
  if (checkpoint.lies_in_memory()) return "in memory";
  return (checkpoint.form->has_pickle ? "pickle " : "header ") + size_text(checkpoint.header_size);
}

std::string checkpoint_text(const Checkpoint& checkpoint, const Settings& settings) {
  const Summary summary = summary_of(checkpoint);
  const TensorTable& tensors = checkpoint.tensors;
  std::string out = visible(checkpoint.path) + ": " + counted(tensors.size(), "tensor") + ", " +
                    counted(summary.elements, "parameter") + ", " + size_text(checkpoint.file_size()) + " (" +
                    header_text(checkpoint) + ")\n";
  for (const auto& [dtype, total] : summary.totals) out += total_line(dtype, total);
  out += component_lines(checkpoint) + layout_line(summary, *checkpoint.form) + pickle_lines(checkpoint) +
         note_lines(checkpoint) +
         adapter_lines(checkpoint, {.all_modules = settings.all_tensors, .strengths = settings.blocks});
  if (!checkpoint.form->has_pickle || checkpoint.has_metadata) out += metadata_lines(checkpoint);
  std::optional<Blocks> blocks;
  if (settings.blocks) out += blocks.emplace(checkpoint).lines();
  out += "  tensors, by name:\n";
  const auto line = [&](size_t i) { return tensor_line(tensors[i]) + (blocks ? "  " + blocks->of(tensors[i]) : ""); };
  return out + listed(tensors.size(), line, settings.all_tensors ? SIZE_MAX : kListed);
}

// ---- for programs

void write_totals(JsonWriter& json, const Summary& summary) {
  json.key("dtypes").begin_object();
  for (const auto& [dtype, total] : summary.totals) {
    json.key(info(dtype).name).begin_object();
    json.key("tensors").value(total.tensors);
    json.key("elements").value(total.elements);
    json.key("size").value(total.bytes);
    json.end_object();
  }
  json.end_object();
}

void write_metadata(JsonWriter& json, const Checkpoint& checkpoint) {
  json.key("metadata");
  if (!checkpoint.has_metadata) {
    json.null();
    return;
  }
  json.begin_object();
  for (const auto& [key, value] : checkpoint.metadata) json.key(key).value(value);
  json.end_object();
}

void write_form(JsonWriter& json, const Checkpoint& checkpoint) {
  json.key("form").value(checkpoint.form->name);
  json.key("key").value(checkpoint.key);
  json.key("globals").begin_array();
  for (const PickleGlobal& global : checkpoint.globals) {
    json.begin_object();
    json.key("name").value(global.name);
    json.key("danger").value(name(global.danger));
    json.end_object();
  }
  json.end_array();
  json.key("notes").begin_array();
  for (const std::string& note : checkpoint.notes) json.value(note);
  json.end_array();
  write_dicts(json, checkpoint);
  const Judgement& judgement = checkpoint.judgement;
  json.key("quantized").value(judgement.holds == Holds::codes ? judgement.text() : "");
  json.key("adapter").value(judgement.holds == Holds::factors ? judgement.kind : "");
  json.key("unread").begin_array();
  for (const UnreadTensor& tensor : checkpoint.unread) {
    json.begin_object();
    json.key("name").value(tensor.name);
    json.key("why").value(tensor.why);
    json.end_object();
  }
  json.end_array();
}

// Where it lies in memory is of no use to others than the program that has it.
void write_tensor(JsonWriter& json, const Tensor& tensor, const Checkpoint& checkpoint, const Blocks* blocks) {
  const bool in_file = !checkpoint.lies_in_memory(), in_folder = checkpoint.folder != nullptr;
  json.begin_object();
  json.key("name").value(tensor.name);
  json.key("dtype").value(info(tensor.dtype).name);
  json.key("shape").begin_array();
  for (const uint64_t dimension : tensor.shape) json.value(dimension);
  json.end_array();
  if (!tensor.strides.empty()) {
    json.key("strides").begin_array();
    for (const uint64_t stride : tensor.strides) json.value(stride);
    json.end_array();
  }
  json.key("offset");
  in_file ? json.value(tensor.offset) : json.null();
  if (in_folder) json.key("shard").value(tensor.shard);
  json.key("size").value(tensor.size);
  if (blocks) json.key("block").value(blocks->of(tensor));
  json.end_object();
}

void write_checkpoint(JsonWriter& json, const Checkpoint& checkpoint, bool with_blocks) {
  const Summary summary = summary_of(checkpoint);
  json.begin_object();
  json.key("path").value(checkpoint.path);
  json.key("size").value(checkpoint.file_size());
  json.key("header_size").value(checkpoint.header_size);
  json.key("parameters").value(summary.elements);
  json.key("canonical").value(summary.canonical);
  json.key("unaligned").value(summary.unaligned);
  write_form(json, checkpoint);
  write_components(json, checkpoint);
  write_adapter(json, checkpoint, with_blocks);
  write_totals(json, summary);
  write_metadata(json, checkpoint);
  std::optional<Blocks> blocks;
  if (with_blocks) blocks.emplace(checkpoint).write(json);
  json.key("tensors").begin_array();
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    write_tensor(json, checkpoint.tensors[i], checkpoint, blocks ? &*blocks : nullptr);
  json.end_array().end_object();
}

JsonWriter checkpoints_json(const std::vector<Checkpoint>& checkpoints, bool with_blocks) {
  JsonWriter json;
  json.begin_object().key("files").begin_array();
  for (const Checkpoint& checkpoint : checkpoints) write_checkpoint(json, checkpoint, with_blocks);
  json.end_array().end_object();
  return json;
}

}  // namespace

void inspect_command(const Request& request, Caller& caller) {
  const std::vector<std::string>& keys = request.settings.keys;
  if (request.operands.empty())
    throw Error(ErrorCode::usage, "", "no file is given; `ckmerge inspect FILE ...` prints what is in it");
  if (keys.size() > 1) throw Error(ErrorCode::usage, "--key", "--key is given twice");
  request.refused.raise();
  const std::vector<Checkpoint> checkpoints =
      open_checkpoints(request.operands, caller, {.key = keys.empty() ? "" : keys[0], .as_stored = true});
  if (request.settings.json) return caller.tell(checkpoints_json(checkpoints, request.settings.blocks));
  for (const Checkpoint& checkpoint : checkpoints) caller.tell(checkpoint_text(checkpoint, request.settings));
}

}  // namespace ckmerge::cli
