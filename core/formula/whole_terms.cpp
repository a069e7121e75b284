// SPDX-License-Identifier: Apache-2.0
#include "core/formula/whole_terms.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

[[noreturn]] void refuse_operand(const Term& term) {
  throw Error(ErrorCode::usage, term.method,
              sentence(term.method,
                       is_whole_term(term) ? " is made of whole tensors" : " wants an order of its inputs' elements",
                       ", and takes checkpoints as they are given, or differences of two of them; merge what it is to "
                       "take into a file first"));
}

bool is_plain(const Term& number, double value) {
  return number.kind == Term::Kind::number && number.number.rules.empty() && number.number.value == value;
}

std::optional<WholeInput> difference(const MergeGraph& graph, const Term& sum) {
  const auto is_input = [&](size_t i) { return graph[sum.operands[i]].kind == Term::Kind::input; };
  if (sum.kind != Term::Kind::sum || sum.operands.size() != 2 || !is_input(0) || !is_input(1)) return std::nullopt;
  const Term &first = graph[sum.factors[0]], &second = graph[sum.factors[1]];
  const uint32_t a = graph[sum.operands[0]].input, b = graph[sum.operands[1]].input;
  if (is_plain(first, 1) && is_plain(second, -1)) return WholeInput{.input = a, .beyond = b};
  if (is_plain(first, -1) && is_plain(second, 1)) return WholeInput{.input = b, .beyond = a};
  return std::nullopt;
}

std::optional<WholeInput> whole_input(const MergeGraph& graph, const Term& operand) {
  if (operand.kind == Term::Kind::input) return WholeInput{.input = operand.input};
  return difference(graph, operand);
}

std::string number_text_of(const MergeGraph& graph, const Term& term) {
  if (term.kind == Term::Kind::arithmetic)
    return sentence("(", number_text_of(graph, graph[term.operands[0]]), " ", std::string(1, term.sign), " ",
                    number_text_of(graph, graph[term.operands[1]]), ")");
  std::string out = number_text(term.number.value);
  for (const NumberByName::Rule& rule : term.number.rules) {
    out += sentence("; ", rule.unless ? "not " : "", rule.pattern, " ");
    for (const BlockId block : rule.blocks) out += sentence(block, " ");
    out += number_text(rule.value);
  }
  return out;
}

}  // namespace

bool is_whole_term(const Term& term) {
  return term.kind == Term::Kind::method && find_method(term.method)->spec->of_whole_tensors;
}

bool has_whole_inputs(const MergeGraph& graph, const Term& term) {
  return std::ranges::all_of(term.operands, [&](TermId id) { return whole_input(graph, graph[id]).has_value(); });
}

std::vector<WholeInput> whole_inputs(const MergeGraph& graph, const Term& term) {
  std::vector<WholeInput> inputs;
  for (const TermId id : term.operands) {
    const std::optional<WholeInput> input = whole_input(graph, graph[id]);
    if (!input) refuse_operand(term);
    inputs.push_back(*input);
  }
  return inputs;
}

std::string whole_text(const MergeGraph& graph, const Term& term) {
  std::string out = term.method + "(";
  for (const WholeInput& input : whole_inputs(graph, term)) {
    out += sentence(out.ends_with('(') ? "" : ", ", input.input);
    if (input.beyond) out += sentence(" - ", *input.beyond);
  }
  for (const auto& [name, numbers] : term.parameters) {
    out += sentence(", ", name, "=[");
    for (const TermId id : numbers) out += number_text_of(graph, graph[id]) + "|";
    out += "]";
  }
  return out + ")";
}

void BeyondRange::add(uint32_t tensor) {
  const std::lock_guard lock(mutex_);
  tensors_.insert(tensor);
}

bool BeyondRange::contains(uint32_t tensor) const {
  const std::lock_guard lock(mutex_);
  return tensors_.contains(tensor);
}

const MadeOfInputs& making_of(const Checkpoint& checkpoint) {
  return static_cast<const MadeOfInputs&>(*checkpoint.made_whole);
}

std::vector<uint32_t> read_for(std::span<const WholeInput> inputs) {
  std::vector<uint32_t> read;
  for (const WholeInput& input : inputs) {
    read.push_back(input.input);
    if (input.beyond) read.push_back(*input.beyond);
  }
  return read;
}

uint64_t bytes_read_for(std::span<const Checkpoint> checkpoints, uint32_t checkpoint, uint32_t tensor) {
  const Checkpoint& from = checkpoints[checkpoint];
  if (!from.made_whole) return from.tensors[tensor].size;
  uint64_t bytes = 0;
  for (const uint32_t k : making_of(from).read) {
    const TensorTable& tensors = checkpoints[k].tensors;
    bytes += tensors[tensors.find(from.tensors.name(tensor))].size;
  }
  return bytes;
}

WholeOperands whole_operands(const MergeGraph& graph, std::span<const Checkpoint> checkpoints) {
  WholeOperands operands;
  for (TermId id = 0; id < graph.terms().size(); ++id) {
    if (!is_whole_term(graph[id])) continue;
    const std::string text = whole_text(graph, graph[id]);
    const auto made = std::ranges::find_if(
        checkpoints, [&](const Checkpoint& one) { return one.made_whole && one.made_whole->term == text; });
    if (made == checkpoints.end())
      throw Error(ErrorCode::usage, graph[id].method,
                  sentence(graph[id].method,
                           " is made of whole tensors, which nobody has prepared; call "
                           "add_whole_tensors() before make_plan()"));
    operands[id] = static_cast<uint32_t>(made - checkpoints.begin());
  }
  return operands;
}

}  // namespace ckmerge
