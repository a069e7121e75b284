// SPDX-License-Identifier: Apache-2.0
#include "io/text/yaml_value.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

std::string fault(const std::string& text) {
  const auto found = failure([&] { parse_yaml(text, "r.yaml"); });
  CHECK(found.code == ErrorCode::usage);
  return found.text;
}

std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("parts of a YAML text know their places") {
  const YamlValue root = parse_yaml("a: 1\nb:\n  - x\n  - 'y z'\nc: {d: }\n", "r.yaml");
  REQUIRE(root.kind == YamlValue::Kind::map);
  REQUIRE(root.keys.size() == 3);
  CHECK(root.find("a")->text == "1");
  const YamlValue& list = *root.find("b");
  REQUIRE(list.items.size() == 2);
  CHECK(list.items[1].text == "y z");
  CHECK(list.items[1].line == 4);
  CHECK(list.items[1].column == 5);
  CHECK(root.find("c")->find("d")->kind == YamlValue::Kind::null);
  CHECK(root.find("d") == nullptr);
  CHECK(parse_yaml("", "r.yaml").kind == YamlValue::Kind::null);
}

TEST_CASE("a quote that is never closed is told where it begins") {
  CHECK(fault("a: 'x\nb: 1\n") == "r.yaml:1:4: this quote is never closed");
  CHECK(fault("b: 1\na: \"x\\\"\n") == "r.yaml:2:4: this quote is never closed");
  CHECK(fault("{a: 1, b: ['x'']}").starts_with("r.yaml:1:18: is no YAML"));
  CHECK(parse_yaml("a: 'it''s'\nb: \"\\\"\"\n'c': \"\"", "r.yaml").find("a")->text == "it's");
}

TEST_CASE("keys are words, each there once; those of << are merged where there is none") {
  CHECK(fault("a: 1\nb: 2\na: 3\n") == "r.yaml:3:1: 'a' is given twice, first in line 1");
  CHECK(fault("{[a]: 1}") == "r.yaml:1:2: a key is a word");
  const YamlValue root =
      parse_yaml("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 5\nw: {<<: *x}\n", "r.yaml");
  const YamlValue& z = *root.find("z");
  CHECK(z.find("a")->text == "5");
  CHECK(z.find("b")->text == "2");
  CHECK(z.find("c")->text == "4");
  CHECK(z.keys.size() == 3);
  CHECK(root.find("w")->find("b")->text == "2");
  CHECK(fault("{<<: 3}") == "r.yaml:1:6: '<<' leads to no map");
}

TEST_CASE("what is no YAML, too deep or too much is refused with its place") {
  CHECK(fault("a: [1, 2").starts_with("r.yaml:"));
  CHECK(fault("a: b: c").starts_with("r.yaml:1:"));
  CHECK(fault("a: *b").starts_with("r.yaml:1:"));
  CHECK(fault("a: 1\n---\nb: 2\n") == "r.yaml: holds several documents, not one");
  CHECK(parse_yaml(nested(64), "r.yaml").kind == YamlValue::Kind::list);
  CHECK(fault(nested(65)) == "r.yaml:1:65: more than 64 lists and maps lie in each other");
  CHECK(fault(nested(100'000)).starts_with("r.yaml:1:"));
  CHECK(fault(std::string((1 << 20) + 1, ' ')) == "r.yaml: has 1048577 bytes, more than 1048576");
  std::string laughs = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = std::to_string(i - 1), name = std::to_string(i);
    laughs += "a" + name + ": &a" + name + " [*a" + before + ", *a" + before + "]\n";
  }
  CHECK(fault(laughs).find("more than 65536 values") != std::string::npos);
}

TEST_CASE("documents of one text are read in their order, those without a value left out") {
  const std::vector<YamlValue> documents = parse_yaml_documents("a: 1\n---\n# nothing\n---\nb: 2\n", "r.yaml");
  REQUIRE(documents.size() == 2);
  CHECK(documents[0].keys.at(0).text == "a");
  CHECK(documents[1].keys.at(0).text == "b");
  CHECK(documents[1].line == 5);
  CHECK(parse_yaml_documents("", "r.yaml").empty());
  CHECK(failure([] { parse_yaml_documents("a: [1\n", "r.yaml"); }).text.starts_with("r.yaml:"));
}
