// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/mergekit_recipe.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/formula/sole_call.h"
#include "core/mergekit/filter_warnings.h"
#include "core/mergekit/merge_shape.h"
#include "core/mergekit/number_faults.h"
#include "core/mergekit/numbers_by_place.h"
#include "core/mergekit/parameter_warnings.h"
#include "core/mergekit/promoted_dtypes.h"
#include "core/mergekit/vocabulary_section.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Side = LayerPlace::Side;

void add_models(const MergekitFile& file, const MergekitConfig& document, std::vector<const MergekitConfig*>& seen,
                std::vector<MergekitModel>& models) {
  if (std::ranges::find(seen, &document) != seen.end()) return;
  seen.push_back(&document);
  for (const MergekitModel& model : document.models()) {
    if (const MergekitConfig* const below = file.called(model.text)) {
      add_models(file, *below, seen, models);
    } else if (std::ranges::find(models, model) == models.end()) {
      if (!model.adapter().empty())
        refuse_at(file.where, model.place,
                  sentence("'", valid_utf8(model.text),
                           "': an adapter (behind the +) is not applied by this ckmerge yet; "
                           "merge it into its model first, and name the result here"));
      models.push_back(model);
    }
  }
}

class RecipeMaker {
 public:
  explicit RecipeMaker(const MergekitInputs& inputs)
      : inputs_(inputs), trees_(inputs), names_(trees_), flat_(flat_trees(trees_)) {}

  MergekitMerge make() {
    check_sections();
    expect_taken_numbers(flat_, names_, inputs_.file.where);
    for (uint32_t k = 0; k < inputs_.models.size(); ++k) merge_.inputs.push_back(k);
    write_formulas();
    if (flat_.is_sliced) write_operands();
    const MergekitConfig& result = inputs_.file.result();
    const std::string& dtype = result.out_dtype.empty() ? result.dtype : result.out_dtype;
    if (dtype.empty())
      set_promoted_dtypes(trees_, flat_, names_, merge_.recipe);
    else
      merge_.recipe.dtype = parse_dtype(dtype);
    merge_.recipe.vocabulary = vocabulary_request(result, inputs_.models, inputs_.file.where);
    merge_.recipe.chat_template = result.chat_template;
    merge_.warnings = inputs_.file.warnings;
    for (std::string& warning : parameter_warnings(inputs_.file)) merge_.warnings.push_back(std::move(warning));
    for (std::string& warning : filter_warnings(trees_)) merge_.warnings.push_back(std::move(warning));
    warn_of_unused();
    warn_of_bases();
    return std::move(merge_);
  }

 private:
  // A vocabulary is the result's: between documents nothing is written that a tokenizer could lie beside.
  void check_sections() const {
    for (const MergekitConfig& document : inputs_.file.documents)
      if (&document != &inputs_.file.result() && (document.tokenizer || document.tokenizer_source))
        refuse_at(inputs_.file.where, document.tokenizer ? *document.tokenizer : *document.tokenizer_source,
                  "only the result has a tokenizer; give it in the last document");
  }

  void warn_of_unused() {
    std::vector<const MergekitConfig*> seen;
    std::vector<MergekitModel> models;
    add_models(inputs_.file, inputs_.file.result(), seen, models);
    for (const MergekitConfig& document : inputs_.file.documents)
      if (std::ranges::find(seen, &document) == seen.end())
        merge_.warnings.push_back(sentence(inputs_.file.where, ":", document.place.line, ": the document '",
                                           valid_utf8(document.name), "' is used by no other, and is not merged"));
  }

  // Of a base that is none of the models it may be that it was meant to be what the others are compared with.
  void warn_of_bases() {
    for (const MergekitConfig& document : inputs_.file.documents) {
      const MergekitMethod& method = mergekit_method(document.method, document.method_place, inputs_.file.where);
      if (!document.base || method.base != MergekitMethod::Base::counts) continue;
      for (const MergekitModule& module : document.modules) {
        const std::vector<MergekitSource>& sources = module.slices.front().sources;
        if (!module.of_models || std::ranges::find(sources, *document.base, &MergekitSource::model) != sources.end())
          continue;
        merge_.warnings.push_back(sentence(inputs_.file.where, ":", document.base->place.line, ": the base '",
                                           valid_utf8(document.base->text), "' is none of the models, and ",
                                           method.name, " merges it as one more, as mergekit does"));
        break;
      }
    }
  }

  // ---- what is computed

  void write_formulas() {
    std::vector<std::string> shapes;
    std::map<std::string, std::vector<const FlatTree*>> by_shape;
    for (const FlatTree& tree : flat_.trees) {
      const auto [found, is_new] = by_shape.try_emplace(tree.shape);
      if (is_new) shapes.push_back(tree.shape);
      found->second.push_back(&tree);
    }
    Recipe& recipe = merge_.recipe;
    recipe.method = kFormulaMethod;
    recipe.formula.emplace();
    for (size_t k = 0; k < flat_.operands; ++k) recipe.formula->names.push_back(place_name(k));
    for (const std::string& shape : shapes) {
      const std::vector<const FlatTree*>& alike = by_shape.at(shape);
      std::vector<std::string> numbers;
      for (size_t i = 0; i < alike[0]->numbers.size(); ++i) numbers.push_back(add_number(alike, i, names_, recipe));
      const std::string formula = formula_of(*alike[0], numbers);
      if (recipe.formula->text.empty())
        recipe.formula->text = formula;
      else
        add_rule(alike, formula);
    }
  }

  void add_rule(const std::vector<const FlatTree*>& trees, const std::string& formula) {
    std::map<std::string, std::vector<const FlatTree*>> by_run;
    for (const FlatTree* const tree : trees)
      by_run[tree->place.is_layer() ? tree->place.run : std::string("\n") + tree->place.module].push_back(tree);
    RecipeRule rule{.formula = formula};
    for (const auto& [run, those] : by_run)
      if (std::string selector = selector_of(those, names_); !selector.empty())
        rule.match.push_back(std::move(selector));
    if (!rule.match.empty()) merge_.recipe.rules.push_back(std::move(rule));
  }

  // ---- what it is computed of

  const TreeLeaf& leaf(const FlatTree& tree, size_t k) const { return tree.leaves[k < tree.leaves.size() ? k : 0]; }

  void write_operands() {
    while (merge_.inputs.size() < flat_.operands) merge_.inputs.push_back(0);
    for (size_t k = 0; k < flat_.operands; ++k) merge_.recipe.operands.push_back(operand(k));
  }

  Slices operand(size_t k) const {
    Slices slices;
    uint32_t before = 0, behind = 0;
    for (const FlatTree& tree : flat_.trees) {
      const TreeLeaf& of = leaf(tree, k);
      const LayerPlace& place = tree.place;
      if (place.side == Side::behind) behind = of.input;
      if (place == LayerPlace{}) before = of.input;
      if (!place.module.empty() && of.input != before)
        throw Error(ErrorCode::usage, place.module,
                    sentence(inputs_.file.where, ": what the module '", place.module,
                             "' has beside its layers is of other models than the language model's, while layers are "
                             "put together anew; give all modules the same models"));
      if (place.is_layer()) add_layer(place, of, slices);
    }
    if (slices.empty() || slices.front().input != before) slices.insert(slices.begin(), Slice{.input = before});
    if (slices.back().input != behind) slices.push_back({.input = behind});
    return slices;
  }

  void add_layer(const LayerPlace& place, const TreeLeaf& of, Slices& slices) const {
    const std::string run = trees_.is_language(place.run) ? "" : place.run;
    const uint32_t layer = of.place.layer;
    if (!slices.empty() && place.layer > 0) {
      Slice& last = slices.back();
      if (last.run == run && last.input == of.input && last.end == layer) return static_cast<void>(++last.end);
    }
    slices.push_back({.input = of.input, .run = run, .begin = layer, .end = layer + 1});
  }

  const MergekitInputs& inputs_;
  const MergeTrees trees_;
  const PlaceNames names_;
  const FlatTrees flat_;
  MergekitMerge merge_ = {};
};

}  // namespace

std::vector<MergekitModel> mergekit_models(const MergekitFile& file) {
  std::vector<const MergekitConfig*> seen;
  std::vector<MergekitModel> models;
  add_models(file, file.result(), seen, models);
  if (models.empty()) throw Error(ErrorCode::usage, file.where, file.where + ": names no model");
  return models;
}

MergekitMerge mergekit_recipe(const MergekitInputs& inputs) { return RecipeMaker(inputs).make(); }

}  // namespace ckmerge
