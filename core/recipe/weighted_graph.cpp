// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/weighted_graph.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <utility>

#include "core/blocks/block_selector.h"
#include "core/names/architecture.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Blocks that all weights of a recipe speak of, each as often as it is spoken of; real recipes have some hundreds. A
// recipe may come from a stranger's file.
constexpr size_t kMostEntries = size_t{1} << 20;

using Rules = std::vector<NumberByName::Rule>;

[[noreturn]] void refuse(const std::string& where, const std::string& text) {
  throw Error(ErrorCode::usage, "weight", sentence(where, ": ", text));
}

std::string where_of(const WeightRule& rule) { return sentence("weight '", text_of(rule), "'"); }

// What one weight selects, and what it makes of it.
struct Resolved {
  BlockSelection selection;
  double value = 0;
  bool optional = false;
};

class Resolver {
 public:
  Resolver(const Recipe& recipe, const Checkpoint& first, const BlockMap& blocks)
      : recipe_(recipe), of_{blocks, first.tensors} {}

  // The rules of recipe.weights[index].
  Rules rules(uint32_t index) const {
    const WeightRule& rule = recipe_.weights[index];
    const std::string where = where_of(rule);
    if (rule.values.empty()) refuse(where, "has no number");
    if (!std::ranges::all_of(rule.values, [](double value) { return std::isfinite(value); }))
      refuse(where, "a number is not finite");
    std::vector<Resolved> found;
    if (rule.by == WeightRule::By::list)
      found = list(rule, where);
    else
      found = gradient(rule.by == WeightRule::By::elements ? select_elements(rule.selector, rule.elements, of_, where)
                                                           : select_names(rule.selector, of_, where),
                       rule.values, where);
    Rules rules;
    for (Resolved& one : found)
      rules.push_back({.pattern = std::move(one.selection.pattern),
                       .value = one.value,
                       .blocks = std::move(one.selection.blocks),
                       .unless = one.selection.unless,
                       .origin = index,
                       .optional = one.optional});
    return rules;
  }

 private:
  // ---- gradients

  std::vector<Resolved> gradient(BlockSelection selection, const std::vector<double>& numbers,
                                 const std::string& where) const {
    if (numbers.size() == 1) return {{std::move(selection), numbers[0]}};
    const std::vector<BlockId> ids = blocks_with(selection);
    const auto is_layer = [&](BlockId id) { return of_.blocks.blocks()[id].is_layer(); };
    const auto layers = static_cast<size_t>(std::ranges::count_if(ids, is_layer));
    if (layers == 0) refuse(where, "a gradient runs over layers, and this selects a name in none; give one number");
    std::vector<Resolved> found;
    size_t before = 0;
    // What is no layer stands where the layers before it end: in front of all at the first number, behind at the last.
    for (const BlockId id : ids) {
      const bool layer = is_layer(id);
      const size_t place = layer || before == 0 ? before : before - 1;
      BlockSelection one{.everywhere = false, .blocks = {id}, .pattern = selection.pattern, .unless = selection.unless};
      found.push_back({std::move(one), gradient_at(numbers, place, layers)});
      before += layer;
    }
    return found;
  }

  // The blocks in which a name is selected.
  std::vector<BlockId> blocks_with(const BlockSelection& selection) const {
    if (selection.pattern.empty() && !selection.everywhere) return selection.blocks;
    std::vector<bool> seen(of_.blocks.blocks().size());
    if (selection.pattern.empty()) seen.assign(seen.size(), true);
    const NamePattern pattern("weight", selection.pattern);
    const std::vector<BlockId>& of_tensors = blocks_of_tensors();
    for (size_t i = 0; i < of_tensors.size() && !selection.pattern.empty(); ++i)
      if (!seen[of_tensors[i]] && pattern.matches(of_.blocks.weight_name(of_.tensors.name(i))) != selection.unless)
        seen[of_tensors[i]] = true;
    std::vector<BlockId> ids;
    for (BlockId id = 0; id < seen.size(); ++id)
      if (seen[id] && (selection.everywhere || std::ranges::binary_search(selection.blocks, id))) ids.push_back(id);
    return ids;
  }

  const std::vector<BlockId>& blocks_of_tensors() const {
    for (size_t i = blocks_of_tensors_.size(); i < of_.tensors.size(); ++i)
      blocks_of_tensors_.push_back(of_.blocks.of(of_.blocks.weight_name(of_.tensors.name(i))));
    return blocks_of_tensors_;
  }

  // ---- lists

  std::vector<Resolved> list(const WeightRule& rule, const std::string& where) const {
    const std::span<const BlockList> lists = of_.blocks.table().lists;
    const auto found = std::ranges::find(lists, rule.values.size(), &BlockList::count);
    if (found != lists.end()) return listed(found->blocks, rule.values);
    if (lists.empty()) return in_order(rule, where);
    std::string counts;
    for (const BlockList& known : lists)
      counts += sentence(counts.empty() ? "" : ", ", known.count, " (", known.blocks, ")");
    const std::string& architecture = of_.blocks.architecture();
    refuse(where, sentence("a list for ", architecture.empty() ? "A" : architecture, " has ", counts, " numbers, but ",
                           rule.values.size(), rule.values.size() == 1 ? " was" : " were", " given"));
  }

  // Of an architecture for which nobody has set an order: its own blocks, with or without BASE.
  std::vector<Resolved> in_order(const WeightRule& rule, const std::string& where) const {
    const std::span<const Block> blocks = of_.blocks.blocks();
    const size_t skipped = !blocks.empty() && blocks[0].group == kBaseGroup && rule.values.size() + 1 == blocks.size();
    if (rule.values.size() + skipped != blocks.size())
      refuse(where, sentence("a list has one number for each of the ", blocks.size(), " blocks ", of_.blocks.text(),
                             ", but ", rule.values.size(), rule.values.size() == 1 ? " was" : " were", " given"));
    std::vector<Resolved> found;
    for (size_t i = 0; i < rule.values.size(); ++i)
      found.push_back({{.everywhere = false, .blocks = {static_cast<BlockId>(i + skipped)}}, rule.values[i], true});
    return found;
  }

  std::vector<Resolved> listed(std::string_view words, std::span<const double> numbers) const {
    std::vector<Resolved> found;
    size_t next = 0;
    for (size_t begin = 0; begin < words.size();) {
      const size_t end = std::min(words.find(' ', begin), words.size());
      const std::string_view word = words.substr(begin, end - begin);
      begin = end + 1;
      if (word == "-") {
        ++next;
      } else if (word.ends_with("=0")) {
        add_if_there(word.substr(0, word.size() - 2), 0, found);
      } else if (const size_t dots = word.find(".."); dots != word.npos) {
        const int last = number_at_end(word.substr(dots + 2));
        const std::string_view group = word.substr(0, dots - 2);
        for (int number = number_at_end(word.substr(0, dots)); number <= last; ++number)
          add_if_there(sentence(group, number < 10 ? "0" : "", number), numbers[next++], found);
      } else {
        add_if_there(word, numbers[next++], found);
      }
    }
    return found;
  }

  static int number_at_end(std::string_view block) {  // of two digits, as those of the table are
    return 10 * (block[block.size() - 2] - '0') + (block.back() - '0');
  }

  void add_if_there(std::string_view word, double value, std::vector<Resolved>& found) const {
    const bool is_prefix = word.ends_with('.');
    const auto blocks = of_.blocks.blocks();
    if (is_prefix || std::ranges::any_of(blocks, [&](const Block& block) { return block.name == word; })) try {
        found.push_back({select_names(word, of_, "weight"), value, true});
      } catch (const Error&) {
        return;  // no name begins so
      }
  }

  const Recipe& recipe_;
  Selectable of_;
  mutable std::vector<BlockId> blocks_of_tensors_;  // found when they are first asked for
};

void expect_named_number(const Recipe& recipe, const WeightRule& rule) {
  const std::string where = where_of(rule);
  if (rule.input >= 0) refuse(where, "the numbers of a formula are for all checkpoints; give each a name of its own");
  if (!recipe.parameters.contains(rule.parameter))
    refuse(where, sentence("the formula has no number '", rule.parameter, "'; say what it is for all other tensors"));
}

// The parameter's numbers, of which the rules become part.
size_t place_of(const Recipe& recipe, const MethodSpec& spec, const WeightRule& rule, size_t inputs) {
  const auto parameters = spec.parameter_list();
  const auto found = std::ranges::find(parameters, rule.parameter, [](const auto& p) { return std::string(p.name); });
  const std::string where = where_of(rule);
  if (found == parameters.end() || found->kind == ParameterKind::flag)
    refuse(where, sentence(spec.name, " has no number '", rule.parameter, "'"));
  if (found->kind == ParameterKind::number && rule.input >= 0)
    refuse(where, sentence(rule.parameter, " of ", spec.name, " is one number for all checkpoints"));
  if (found->kind == ParameterKind::number) return 0;
  if (rule.input < 0)
    refuse(where,
           sentence(rule.parameter, " of ", spec.name, " is one number per checkpoint; say whose, as in B:IN*=1"));
  if (static_cast<size_t>(rule.input) >= inputs)
    refuse(where, sentence("there are ", counted(inputs, "checkpoint"), " only"));
  if (!recipe.parameters.contains(rule.parameter))
    refuse(where, sentence("the numbers for all other tensors are missing; give them with --", found->option_name()));
  return static_cast<size_t>(rule.input);
}

using Numbers = decltype(WeightedNumbers::by_parameter);

Numbers numbers_of(const Recipe& recipe) {
  Numbers numbers;
  for (const auto& [parameter, values] : recipe.parameters)
    for (std::vector<NumberByName>& all = numbers[parameter]; const double value : values)
      all.push_back({.value = value});
  return numbers;
}

NumberByName& number_for(Numbers& numbers, const MethodSpec* spec, const WeightRule& rule, size_t place) {
  std::vector<NumberByName>& all = numbers[rule.parameter];
  if (all.empty() && spec)
    for (const ParameterSpec& parameter : spec->parameter_list())
      if (rule.parameter == parameter.name) all.push_back({.value = parameter.default_value});
  return all.at(place);
}

}  // namespace

BlockMap selectable_blocks(const Checkpoint& checkpoint) {
  return BlockMap(checkpoint.tensors,
                  guess_architecture(checkpoint.tensors, checkpoint.metadata, checkpoint.judgement).architecture);
}

void check_weights(const Recipe& recipe, size_t inputs) {
  const MethodSpec* const spec = recipe.formula ? nullptr : find_method(recipe.method)->spec;
  for (const WeightRule& rule : recipe.weights) {
    if (spec)
      place_of(recipe, *spec, rule, merged_inputs(recipe, inputs));
    else
      expect_named_number(recipe, rule);
    if (rule.by == WeightRule::By::selector) check_selector(rule.selector, where_of(rule));
  }
}

WeightedNumbers weighted_numbers(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  WeightedNumbers out{.by_parameter = numbers_of(recipe)};
  if (recipe.weights.empty()) return out;
  out.blocks = std::make_shared<const BlockMap>(selectable_blocks(checkpoints[0]));
  const MethodSpec* const spec = recipe.formula ? nullptr : find_method(recipe.method)->spec;
  const size_t inputs = merged_inputs(recipe, checkpoints.size());
  const Resolver resolver(recipe, checkpoints[0], *out.blocks);
  size_t entries = 0;
  for (uint32_t i = 0; i < recipe.weights.size(); ++i) {
    const WeightRule& rule = recipe.weights[i];
    if (!spec) expect_named_number(recipe, rule);
    const size_t place = spec ? place_of(recipe, *spec, rule, inputs) : 0;
    Rules rules = resolver.rules(i);
    for (const NumberByName::Rule& one : rules) entries += one.blocks.size() + 1;
    if (entries > kMostEntries) refuse(where_of(rule), "the weights speak of too many blocks; give fewer");
    Rules& all = number_for(out.by_parameter, spec, rule, place).rules;
    all.insert(all.end(), std::make_move_iterator(rules.begin()), std::make_move_iterator(rules.end()));
    out.origins.push_back(text_of(rule));
  }
  return out;
}

MergeGraph weighted_graph(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  MergeGraph plain = merge_graph(recipe, checkpoints.size());
  if (recipe.weights.empty() || !recipe.roles.empty()) return plain;
  WeightedNumbers numbers = weighted_numbers(recipe, checkpoints);
  MergeGraph graph;
  std::vector<TermId> operands;
  for (uint32_t k = 0; k < merged_inputs(recipe, checkpoints.size()); ++k) operands.push_back(graph.input(k));
  std::map<std::string, std::vector<TermId>> parameters;
  for (auto& [parameter, all] : numbers.by_parameter)
    for (NumberByName& number : all) parameters[parameter].push_back(graph.number(std::move(number)));
  graph.set_result(graph.method(recipe.method, std::move(operands), std::move(parameters)));
  numbers.finish(graph);
  return graph;
}

}  // namespace ckmerge
