// SPDX-License-Identifier: Apache-2.0
#include "io/table/judgement.h"

#include <algorithm>

#include "io/table/adapter_rows.h"
#include "io/table/code_judge.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

bool has_key(const Metadata& metadata, std::string_view key) {
  return std::ranges::find(metadata, key, &Metadata::value_type::first) != metadata.end();
}

Judgement judge_codes(const TensorTable& tensors, const Metadata& metadata) {
  if (has_key(metadata, "_quantization_metadata"))
    return {.holds = Holds::codes,
            .kind = "layers that ComfyUI quantized",
            .evidence = "its metadata has _quantization_metadata"};
  const CodeJudge judge(tensors);
  for (size_t i = 0; i < tensors.size(); ++i)
    if (const CodeRow* row = judge.row_of(i))
      return {.holds = Holds::codes, .kind = std::string(row->kind), .evidence = judge.evidence(i, *row)};
  return {};
}

// An adapter has little beside its factors: the ends of their names are a third where each module has an alpha, and
// a few modules may be saved whole. Differences are no proof where they are few: a model may call a weight so. A
// model that was saved with the adapters in it has the weights that they change, of each module.
bool is_adapter(const FactorCounts& counts, size_t tensors) {
  constexpr size_t kFactors = 16;    // of a module: two of each of eight adapters
  constexpr size_t kSavedBases = 2;  // that PEFT saves with an adapter: embeddings and head
  if (counts.marks > 0) return true;
  if (counts.bases > kSavedBases && counts.bases * kFactors >= counts.factors) return false;
  if (counts.of_peft == tensors) return tensors > 0;
  return counts.factors * 4 > tensors || (counts.factors + counts.differences) * 2 > tensors;
}

}  // namespace

std::string Judgement::text() const { return kind.empty() ? "" : sentence(kind, " (", evidence, ")"); }

Judgement judge(const TensorTable& tensors, const Metadata& metadata) {
  Judgement judgement = judge_codes(tensors, metadata);
  if (judgement.holds == Holds::codes) return judgement;
  const FactorCounts counts = count_factors(tensors);
  judgement.factors = counts.factors + counts.marks;
  if (is_adapter(counts, tensors.size()))
    return {.holds = Holds::factors,
            .kind = std::string(counts.kind.empty() ? kUnknownKind : counts.kind),
            .evidence = sentence((counts.kind.empty() ? tensors[0].name : counts.example).substr(0, 200),
                                 " is one of its tensors"),
            .factors = counts.of_peft == tensors.size() ? tensors.size() : judgement.factors};
  judgement.kind = judgement.factors > 0 ? std::string(counts.kind) : "";
  return judgement;
}

}  // namespace ckmerge
