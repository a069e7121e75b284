// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/renames.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/names/name_rewrite.h"
#include "core/recipe/layout_fields.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

struct Rule {
  const char* option;
  string_view given;            // as the user wrote it
  std::optional<size_t> input;  // of which alone it is; none: of all
  string_view text;             // without the input
  std::optional<NameRewrite> rewrite = {};
  size_t matched = 0;  // names

  bool apply(std::string& name) const {
    if (rewrite) return rewrite->apply(name);
    if (is_addition()) {
      name.insert(0, text);
      return true;
    }
    if (!name.starts_with(text)) return false;
    name.erase(0, text.size());
    return true;
  }
  bool is_addition() const { return string_view(option) == "--add-prefix"; }
};

// "B:" in front of a rule, or "#27:" (as inputs are called in reports).
std::optional<size_t> named_input(string_view& text) {
  size_t input = 0;
  const size_t colon = text.find(':');
  if (colon == 1 && text[0] >= 'A' && text[0] <= 'Z') {
    input = static_cast<size_t>(text[0] - 'A');
  } else if (colon != string_view::npos && colon > 1 && text[0] == '#') {
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + colon, input);
    if (error != std::errc() || end != text.data() + colon || input-- == 0) return std::nullopt;
  } else {
    return std::nullopt;
  }
  text.remove_prefix(colon + 1);
  return input;
}

Rule make_rule(const char* option, const std::string& given, size_t inputs) {
  Rule rule{.option = option, .given = given, .input = {}, .text = given};
  rule.input = named_input(rule.text);
  const auto refuse = [&](const auto&... parts) {
    throw Error(ErrorCode::usage, option, sentence(option, " '", given, "' ", parts...));
  };
  if (rule.input && *rule.input >= inputs)
    refuse("is for an input that is not there; ", counted(inputs, "checkpoint"), inputs == 1 ? " is" : " are",
           " given");
  if (rule.text.empty()) refuse("is empty");
  if (string_view(option) == "--rename") rule.rewrite.emplace(option, rule.text);
  return rule;
}

class Renames {
 public:
  Renames(const Recipe& recipe, size_t inputs) : copies_codes_(recipe.copy_codes) {
    add("--strip-prefix", recipe.strip_prefix, inputs);
    add("--rename", recipe.rename, inputs);
    add("--add-prefix", recipe.add_prefix, inputs);
  }

  void rename(Checkpoint& checkpoint, size_t input) {
    std::vector<Rule*> rules;
    for (Rule& rule : rules_)
      if (!rule.input || *rule.input == input) rules.push_back(&rule);
    if (rules.empty()) return;
    size_t changed = 0;
    std::string emptied;
    const std::vector<size_t> repeated = checkpoint.rename([&](string_view before) {
      std::string name(before);
      for (Rule* rule : rules) rule->matched += rule->apply(name);
      changed += name != before;
      if (name.empty()) emptied = name = before;
      return name;
    });
    if (!emptied.empty()) fail(checkpoint, sentence("nothing would be left of the name ", emptied));
    if (!repeated.empty())
      fail(checkpoint, sentence("two of its tensors would be called ", checkpoint.tensors[repeated[0]].name,
                                repeated.size() > 1 ? sentence(", and ", repeated.size() - 1, " more likewise") : ""));
    if (changed == 0) return;
    if (const std::vector<std::string> fields = fields_by_name(checkpoint); !fields.empty())
      fail(checkpoint,
           sentence("its metadata lists its tensors by name (", fields[0], "), so that they cannot be renamed"));
    else if (copies_codes_ && checkpoint.judgement.holds == Holds::codes)
      fail(checkpoint,
           "is quantized, and with --copy-codes its layers are known by the names that they have; rename "
           "the result (convert)");
    checkpoint.notes.push_back(sentence(changed, changed == 1 ? " tensor was" : " tensors were", " renamed as asked"));
  }

  // What is wrong, all of it.
  void throw_any() {
    for (const Rule& rule : rules_)
      if (rule.matched == 0) faults_.push_back({ErrorCode::usage, rule.option, unmatched(rule)});
    throw_faults();
  }

  // Of rules that cannot be understood; of renaming, as far as it went.
  void throw_faults() const {
    if (faults_.empty()) return;
    if (faults_.size() == 1) throw faults_[0];
    std::vector<std::string> lines;
    for (const Error& fault : faults_) lines.emplace_back(fault.what());
    throw Error(ErrorCode::usage, faults_[0].where(),
                sentence(faults_.size(), " things are wrong with the renaming of tensors"), lines);
  }

 private:
  void add(const char* option, const std::vector<std::string>& texts, size_t inputs) {
    for (const std::string& text : texts) try {
        rules_.push_back(make_rule(option, text, inputs));
      } catch (const Error& error) {
        if (error.code() != ErrorCode::usage) throw;
        faults_.push_back(error);
      }
  }

  void fail(const Checkpoint& checkpoint, const std::string& what) {
    faults_.push_back({ErrorCode::usage, checkpoint.path, sentence(checkpoint.path, ": ", what)});
  }

  static std::string unmatched(const Rule& rule) {
    const bool pattern = rule.rewrite.has_value();
    return sentence(rule.option, " '", rule.given, pattern ? "' matches no tensor name" : "': no tensor name begins so",
                    rule.input ? " of that input" : "");
  }

  bool copies_codes_;
  std::vector<Rule> rules_;
  std::vector<Error> faults_;
};

}  // namespace

void check_renames(const Recipe& recipe, size_t inputs) { Renames(recipe, inputs).throw_faults(); }

void rename_tensors(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  if (recipe.strip_prefix.empty() && recipe.rename.empty() && recipe.add_prefix.empty()) return;
  Renames renames(recipe, checkpoints.size());
  for (size_t k = 0; k < checkpoints.size(); ++k) renames.rename(checkpoints[k], k);
  renames.throw_any();
}

}  // namespace ckmerge
