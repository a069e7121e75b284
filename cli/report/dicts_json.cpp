// SPDX-License-Identifier: Apache-2.0
#include "cli/report/dicts_json.h"

namespace ckmerge::cli {

void write_dicts(JsonWriter& json, const Checkpoint& checkpoint) {
  json.key("dicts").begin_array();
  for (const TensorDict& dict : checkpoint.dicts) {
    json.begin_object();
    json.key("key").value(dict.key);
    json.key("tensors").value(dict.tensors);
    json.key("role").value(kDictRoleNames[static_cast<size_t>(dict.role)]);
    json.key("named").value(dict.named);
    json.key("taken").value(dict.taken);
    json.end_object();
  }
  json.end_array();
  json.key("beside").value(checkpoint.beside);
}

}  // namespace ckmerge::cli
