// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/made_matrices.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/formula/recipe_graph.h"
#include "core/formula/whole_terms.h"
#include "core/matrices/alignment.h"
#include "core/matrices/made_results.h"
#include "core/matrices/matrix_methods.h"
#include "core/matrices/read_matrix.h"
#include "core/recipe/merge_graph.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Inputs = std::shared_ptr<const std::vector<Checkpoint>>;

struct MadeTensor {
  uint64_t begin = 0, size = 0;  ///< bytes, in the offsets that all share
  uint64_t memory = 0;           ///< that its making takes
  uint32_t first = 0;            ///< row in the first of the term's inputs
  uint32_t row = 0;              ///< in what is made
  uint32_t coefficients = 0;     ///< index
  Dtype dtype = Dtype::F32;
};

// One term: its inputs, and its tensors.
class MadeBytes {
 public:
  MadeBytes(const MatrixMethod& method, std::vector<WholeInput> operands, Inputs inputs, const Hands& hands,
            uint64_t beside)
      : method_(method),
        operands_(std::move(operands)),
        inputs_(std::move(inputs)),
        hands_(hands),
        results_(hands.threads, beside) {}

  /// Before the first tensor is made.
  void align(std::span<const double> coefficients) {
    alignment_ = std::make_unique<Alignment>(input(operands_[0].input), input(operands_[1].input),
                                             head_channels_of(coefficients));
  }
  const Alignment* alignment() const { return alignment_.get(); }
  std::shared_ptr<const BeyondRange> beyond_range() const { return beyond_range_; }

  void read(uint64_t offset, std::span<std::byte> out) {
    auto tensor = std::ranges::upper_bound(tensors_, offset, {}, &MadeTensor::begin) - 1;
    for (; !out.empty(); ++tensor) {
      const auto number = static_cast<size_t>(tensor - tensors_.begin());
      const uint64_t first = offset - tensor->begin, here = std::min<uint64_t>(out.size(), tensor->size - first);
      const MadeResults::Bytes bytes =
          results_.get(number, tensor->memory, [&](unsigned at_once) { return make(*tensor, at_once); });
      std::memcpy(out.data(), bytes->data() + first, here);
      out = out.subspan(here);
      offset += here;
    }
  }

  const MatrixMethod& method() const { return method_; }
  const Hands& hands() const { return hands_; }
  const std::vector<WholeInput>& operands() const { return operands_; }
  const Checkpoint& input(uint32_t k) const { return (*inputs_)[k]; }
  std::vector<MadeTensor>& tensors() { return tensors_; }
  std::vector<std::vector<double>>& coefficients() { return coefficients_; }
  /// Whether the first operand is what the method begins from, and deltas are the others without it.
  bool begins_from_first() const { return method_.of_deltas && !operands_[0].beyond; }

 private:
  std::vector<std::byte> make(const MadeTensor& made, unsigned at_once) const {
    hands_.check();
    const Hands hands{.threads = std::max(1u, hands_.threads / at_once), .stop = hands_.stop};
    return bytes_of(result_of(made, hands), made.dtype);  // what it was made of is gone by then
  }

  Matrix result_of(const MadeTensor& made, const Hands& hands) const {
    const Tensor first = input(operands_[0].input).tensors[made.first];
    std::vector<Matrix> matrices;
    bool are_finite = true;
    for (const WholeInput& operand : operands_)
      matrices.push_back(operand_matrix(operand, first.name, hands, are_finite));
    Matrix base;
    if (begins_from_first()) {
      base = std::move(matrices[0]);
      matrices.erase(matrices.begin());
      for (Matrix& matrix : matrices) subtract(matrix, base);
    }
    const WholeTensor tensor{.shape = first.shape,
                             .inputs = matrices,
                             .coefficients = coefficients_[made.coefficients],
                             .hands = hands,
                             .alignment = alignment_.get(),
                             .row = made.first};
    if (matrices.empty()) return base;  // nothing is beyond it
    const bool is_plain = !std::ranges::all_of(matrices, is_finite);
    const double factor = method_.multiplies && !is_plain ? factor_to_middle(matrices) : 1;
    for (Matrix& matrix : matrices) scale(matrix, factor);
    Matrix result = is_plain ? method_.plain(tensor) : method_.make(tensor);
    scale(result, 1 / factor);
    if (begins_from_first()) add_to(base, result);
    if (are_finite && !fits(result, made.dtype)) beyond_range_->add(made.row);
    return result;
  }

  Matrix operand_matrix(const WholeInput& operand, std::string_view name, const Hands& hands, bool& are_finite) const {
    const auto read = [&](uint32_t k) {
      Matrix matrix = read_matrix(input(k), name, hands);
      are_finite = are_finite && is_finite(matrix);
      return matrix;
    };
    Matrix matrix = read(operand.input);
    if (operand.beyond) subtract(matrix, read(*operand.beyond));
    return matrix;
  }

  const MatrixMethod& method_;
  std::vector<WholeInput> operands_;
  Inputs inputs_;
  Hands hands_;
  std::unique_ptr<const Alignment> alignment_;     // of a method that aligns
  std::vector<std::vector<double>> coefficients_;  // those that differ
  std::vector<MadeTensor> tensors_;                // by begin
  MadeResults results_;
  const std::shared_ptr<BeyondRange> beyond_range_ = std::make_shared<BeyondRange>();
};

class Maker {
 public:
  Maker(const MergeGraph& graph, const Term& term, const Inputs& inputs, const Hands& hands, uint64_t beside)
      : graph_(graph),
        term_(term),
        numbers_(graph),
        beside_(beside),
        bytes_(std::make_shared<MadeBytes>(*matrix_method(term.method), checked_inputs(graph, term), inputs, hands,
                                           beside)) {
    if (bytes_->method().aligns) bytes_->align(coefficients_of(term_, numbers_.of("")));
  }

  Checkpoint make() {
    const Checkpoint& first = bytes_->input(bytes_->operands()[0].input);
    Checkpoint made;
    made.path = sentence("result of ", term_.method);
    made.form = first.form;
    MadeOfInputs whole;
    whole.term = whole_text(graph_, term_);
    whole.read = read_for(bytes_->operands());
    whole.beyond_range = bytes_->beyond_range();
    for (uint32_t row = 0; row < first.tensors.size(); ++row)
      if (const std::optional<Dtype> dtype = made_dtype(first.tensors[row])) add(made, row, *dtype);
    whole.memory = [memory = std::move(memory_)](uint32_t tensor) { return memory[tensor]; };
    made.tensors.sort_by_name();  // they were so, but the table has to know
    made.made_whole = std::make_shared<const MadeOfInputs>(std::move(whole));
    const auto read = [bytes = bytes_](uint64_t offset, std::span<std::byte> out) { bytes->read(offset, out); };
    made.shards.emplace_back(MemoryBytes{.size = size_, .read = read}, made.path);
    return made;
  }

 private:
  static std::vector<WholeInput> checked_inputs(const MergeGraph& graph, const Term& term) {
    std::vector<WholeInput> inputs = whole_inputs(graph, term);
    if (matrix_method(term.method)->aligns &&
        std::ranges::any_of(inputs, [](const WholeInput& input) { return input.beyond.has_value(); }))
      throw Error(ErrorCode::usage, term.method,
                  sentence(term.method,
                           " matches whole networks, and takes checkpoints as they are given; differences "
                           "have no channels of their own"));
    const uint32_t most = find_method(term.method)->spec->max_inputs;  // the first one included, which deltas have not
    if (matrix_method(term.method)->of_deltas && term.type == TermType::delta && most > 0 && inputs.size() >= most)
      throw Error(ErrorCode::usage, term.method,
                  sentence(term.method, " takes ", counted(most - 1, "delta"), ", but ", inputs.size(), " were given"));
    return inputs;
  }

  // Empty where some input has no such tensor, of numbers and of this shape.
  std::optional<Dtype> made_dtype(const Tensor& first) const {
    Dtype dtype = Dtype::F32;
    for (const WholeInput& operand : bytes_->operands())
      for (const uint32_t k : {operand.input, operand.beyond.value_or(operand.input)}) {
        const TensorTable& tensors = bytes_->input(k).tensors;
        const size_t row = tensors.find(first.name);
        if (row == TensorTable::npos || !is_real(tensors[row].dtype) ||
            !std::ranges::equal(tensors[row].shape, first.shape))
          return std::nullopt;
        if (tensors[row].dtype == Dtype::F64) dtype = Dtype::F64;
      }
    return dtype;
  }

  void add(Checkpoint& made, uint32_t row, Dtype dtype) {
    const Tensor tensor = bytes_->input(bytes_->operands()[0].input).tensors[row];
    const uint32_t coefficients = coefficients_of_name(tensor.name);
    const uint64_t size = tensor.count * element_size(dtype);
    const auto made_row = static_cast<uint32_t>(made.tensors.size());
    made.tensors.add(tensor.name, dtype, tensor.shape, 0, size_, size, tensor.count);
    // A difference is read as two, and bytes are written from the result alone: neither takes more than the making.
    const uint64_t memory = bytes_->operands().size() * tensor.count * sizeof(double) +
                            made_memory(tensor.shape, bytes_->coefficients()[coefficients]) +
                            (bytes_->alignment() ? bytes_->alignment()->memory(row, bytes_->hands().threads) : 0);
    memory_.push_back(std::max(memory, std::min(beside_, bytes_->hands().threads * memory)));
    if (size == 0) return;
    bytes_->tensors().push_back({.begin = size_,
                                 .size = size,
                                 .memory = memory,
                                 .first = row,
                                 .row = made_row,
                                 .coefficients = coefficients,
                                 .dtype = dtype});
    size_ += size;
  }

  uint64_t made_memory(Shape shape, std::span<const double> coefficients) const {
    const MatrixMethod& method = bytes_->method();
    const uint64_t inputs = bytes_->operands().size() - bytes_->begins_from_first();
    const uint64_t of_threads = method.memory_of_threads ? method.memory_of_threads(shape, bytes_->hands().threads) : 0;
    return method.memory(shape, inputs, coefficients) + of_threads;
  }

  uint32_t coefficients_of_name(std::string_view name) {
    std::vector<double> found = coefficients_of(term_, numbers_.of(name));
    const auto [known, is_new] = known_.try_emplace(found, static_cast<uint32_t>(known_.size()));
    if (is_new) bytes_->coefficients().push_back(std::move(found));
    return known->second;
  }

  const MergeGraph& graph_;
  const Term& term_;
  NumbersByName numbers_;
  const uint64_t beside_;
  std::shared_ptr<MadeBytes> bytes_;
  std::map<std::vector<double>, uint32_t> known_;
  std::vector<uint64_t> memory_;  // per tensor: that its making by all threads takes
  uint64_t size_ = 0;
};

}  // namespace

void add_whole_tensors(const Recipe& recipe, std::vector<Checkpoint>& checkpoints, const Hands& hands,
                       uint64_t beside) {
  const std::span<const Checkpoint> given = given_checkpoints(checkpoints);
  if (given.empty() || !recipe.roles.empty()) return;
  const MergeGraph graph = graph_of(canonical_recipe(recipe, given.size()), given);
  if (std::ranges::none_of(graph.terms(), is_whole_term)) return;
  const auto inputs = std::make_shared<const std::vector<Checkpoint>>(given.begin(), given.end());
  for (const Term& term : graph.terms()) {
    if (!is_whole_term(term)) continue;
    const std::string text = whole_text(graph, term);
    if (std::ranges::any_of(checkpoints,
                            [&](const Checkpoint& c) { return c.made_whole && c.made_whole->term == text; }))
      continue;
    checkpoints.push_back(Maker(graph, term, inputs, hands, beside).make());
  }
}

}  // namespace ckmerge
