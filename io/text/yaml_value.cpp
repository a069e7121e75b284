// SPDX-License-Identifier: Apache-2.0
// yaml-cpp refuses what is nested deeper than 500 before this looks at it.
#include "io/text/yaml_value.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Kind = YamlValue::Kind;

constexpr size_t kLargest = size_t{1} << 20, kDeepest = 64, kMostValues = size_t{1} << 16;

// Passes over a document.
class Passing : public YAML::EventHandler {
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// YAML::LoadAll() would ask for a further document for ever where something stands that belongs to none.
size_t documents_in(const std::string& text, size_t most) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Passing passing;
  size_t count = 0;
  while (count < most && parser.HandleNextDocument(passing)) ++count;
  return count;
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  YamlValue value(const YAML::Node& node, size_t depth) {
    YamlValue out = placed(node);
    if (depth > kDeepest) refuse_at(where_, out, sentence("more than ", kDeepest, " lists and maps lie in each other"));
    if (++values_ > kMostValues) refuse_at(where_, out, sentence("more than ", kMostValues, " values"));
    if (node.IsScalar()) {
      expect_closed(out, node.Mark().pos);
      out.kind = Kind::scalar;
      out.text = node.Scalar();
    } else if (node.IsSequence()) {
      out.kind = Kind::list;
      for (const YAML::Node& item : node) out.items.push_back(value(item, depth + 1));
    } else if (node.IsMap()) {
      out.kind = Kind::map;
      add_entries(out, node, depth);
    }
    return out;
  }

 private:
  static YamlValue placed(const YAML::Node& node) {
    const YAML::Mark mark = node.Mark();
    // Of an empty text the place is -1.
    return {.line = static_cast<size_t>(std::max(mark.line, 0)) + 1,
            .column = static_cast<size_t>(std::max(mark.column, 0)) + 1};
  }

  // yaml-cpp takes the end of the text for a quote that is missing, and all before it for what is quoted.
  void expect_closed(const YamlValue& place, int begin) const {
    const size_t at = begin < 0 ? text_.size() : static_cast<size_t>(begin);
    const char quote = at < text_.size() ? text_[at] : ' ';
    if (quote != '"' && quote != '\'') return;
    for (size_t i = at + 1; i < text_.size(); ++i) {
      const bool is_escape = quote == '"' ? text_[i] == '\\' : text_.substr(i, 2) == "''";
      if (is_escape)
        ++i;
      else if (text_[i] == quote)
        return;
    }
    refuse_at(where_, place, "this quote is never closed");
  }

  void add_entries(YamlValue& map, const YAML::Node& node, size_t depth) {
    std::vector<YAML::Node> merged;
    std::map<std::string, size_t> lines;  // of keys
    for (const auto& entry : node) {
      YamlValue key = value(entry.first, depth + 1);
      if (key.kind != Kind::scalar) refuse_at(where_, key, "a key is a word");
      if (key.text == "<<") {
        merged.push_back(entry.second);
        continue;
      }
      if (const auto [first, is_new] = lines.emplace(key.text, key.line); !is_new)
        refuse_at(where_, key, sentence("'", key.text, "' is given twice, first in line ", first->second));
      map.keys.push_back(std::move(key));
      map.items.push_back(value(entry.second, depth + 1));
    }
    for (const YAML::Node& other : merged) merge(map, other, depth + 1);
  }

  // Own keys win, and of several maps the first.
  void merge(YamlValue& map, const YAML::Node& node, size_t depth) {
    const YamlValue other = value(node, depth);
    if (other.kind == Kind::list)
      for (const YAML::Node& item : node) merge(map, item, depth + 1);
    else if (other.kind != Kind::map)
      refuse_at(where_, other, "'<<' leads to no map");
    for (size_t i = 0; i < other.keys.size(); ++i) {
      if (map.find(other.keys[i].text)) continue;
      map.keys.push_back(other.keys[i]);
      map.items.push_back(other.items[i]);
    }
  }

  const std::string_view text_;
  const std::string& where_;
  size_t values_ = 0;
};

}  // namespace

const YamlValue* YamlValue::find(std::string_view key) const {
  const auto found = std::ranges::find(keys, key, &YamlValue::text);
  return found == keys.end() ? nullptr : &items[static_cast<size_t>(found - keys.begin())];
}

void refuse_at(const std::string& where, const YamlValue& place, const std::string& what) {
  const std::string at = sentence(where, ":", place.line, ":", place.column);
  throw Error(ErrorCode::usage, at, at + ": " + what);
}

namespace {

// What `parse` finds wrong with `text`, told with its place.
template <typename Parse>
auto checked(std::string_view text, const std::string& where, const Parse& parse) {
  const auto place_of = [](const YAML::Mark& mark) -> YamlValue {
    return {.line = static_cast<size_t>(std::max(mark.line, 0)) + 1,
            .column = static_cast<size_t>(std::max(mark.column, 0)) + 1};
  };
  if (text.size() > kLargest)
    throw Error(ErrorCode::usage, where, sentence(where, ": has ", text.size(), " bytes, more than ", kLargest));
  try {
    return parse(std::string(text));
  } catch (const YAML::DeepRecursion& error) {
    refuse_at(where, place_of(error.mark), sentence("more than ", kDeepest, " lists and maps lie in each other"));
  } catch (const YAML::Exception& error) {
    refuse_at(where, place_of(error.mark), "is no YAML: " + error.msg);
  }
}

}  // namespace

YamlValue parse_yaml(std::string_view text, const std::string& where) {
  return checked(text, where, [&](const std::string& all) {
    if (documents_in(all, 2) > 1) throw Error(ErrorCode::usage, where, where + ": holds several documents, not one");
    return Reader(text, where).value(YAML::Load(all), 1);
  });
}

std::vector<YamlValue> parse_yaml_documents(std::string_view text, const std::string& where) {
  constexpr size_t kMost = 1000;
  return checked(text, where, [&](const std::string& all) {
    const size_t count = documents_in(all, kMost + 1);
    if (count > kMost) throw Error(ErrorCode::usage, where, sentence(where, ": holds more than ", kMost, " documents"));
    Reader reader(text, where);
    std::vector<YamlValue> documents;
    if (count == 0) return documents;
    for (const YAML::Node& node : YAML::LoadAll(all))
      if (YamlValue document = reader.value(node, 1); document.kind != Kind::null)
        documents.push_back(std::move(document));
    return documents;
  });
}

}  // namespace ckmerge
