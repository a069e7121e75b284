// SPDX-License-Identifier: Apache-2.0
// Fields of scheduler_config.json as diffusers 0.42 reads them, marks as ComfyUI 0.3.75 does.
#include "core/names/sampling_marks.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/names/model_buffers.h"
#include "io/file/input_file.h"
#include "io/text/error.h"
#include "io/text/json_value.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint64_t kMaxSize = uint64_t{1} << 20;  // published ones have some 500 bytes

struct Saying {
  std::string_view mark, key, value;  // value: as JSON, without quotes
};

constexpr auto kSayings =
    std::to_array<Saying>({{"v_pred", "prediction_type", "v_prediction"}, {"ztsnr", "rescale_betas_zero_snr", "true"}});

JsonValue config_in(const std::string& path) try {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {};
  const InputFile file(path);
  std::string text(std::min(file.size(), kMaxSize), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return parse_json(text);
} catch (const Error&) {
  return {};  // no scheduler that a program could read
}

bool says(const JsonValue& config, const Saying& saying) {
  const auto key = std::ranges::find(config.keys, saying.key);
  if (key == config.keys.end()) return false;
  const JsonValue& value = config.items[static_cast<size_t>(key - config.keys.begin())];
  return value.kind == JsonValue::Kind::boolean ? value.boolean && saying.value == "true" : value.text == saying.value;
}

std::string field(const Saying& saying) { return sentence(saying.key, ": ", saying.value); }

void add(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }

}  // namespace

bool is_sampling_mark(std::string_view name) {
  const BufferRow* const row = buffer_row(name, {});
  return row && row->kind == BufferKind::mark;
}

std::string lost_marks_warning(const std::string& path, std::span<const std::string> marks) {
  if (marks.empty()) return "";
  std::string names, fields;
  for (const std::string& mark : marks) {
    const BufferRow* const row = buffer_row(mark, {});
    add(names, row && row->meaning ? sentence(mark, " (", row->meaning, ")") : mark);
    if (const auto saying = std::ranges::find(kSayings, mark, &Saying::mark); saying != kSayings.end())
      add(fields, field(*saying));
  }
  return sentence(path, ": ", names, marks.size() == 1 ? " is" : " are",
                  " left out, by which a file says how the model is sampled; in a folder scheduler_config.json must",
                  fields.empty() ? std::string(" say it") : sentence(" have ", fields));
}

std::string lost_scheduler_warning(const Checkpoint& folder, bool told_by_weights) {
  if (told_by_weights) return "";
  const JsonValue config = config_in(folder.path + "/scheduler/scheduler_config.json");
  std::string fields, marks;
  for (const Saying& saying : kSayings)
    if (says(config, saying)) {
      add(fields, field(saying));
      add(marks, std::string(saying.mark));
    }
  if (fields.empty()) return "";
  return sentence(folder.path, ": its scheduler has ", fields, ", which a file says by empty tensors (", marks,
                  "); the result has none, so that programs must be told how to sample it");
}

}  // namespace ckmerge
