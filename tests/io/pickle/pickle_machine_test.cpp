// SPDX-License-Identifier: Apache-2.0
// The machine on pickles that Python's pickletools disassembles as the comments say. Whole files are tests/pickles'.
#include "io/pickle/pickle_machine.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using namespace std::string_literals;
using ckmerge::test::failure;

namespace {

struct Run {
  explicit Run(std::string pickle) : bytes(std::move(pickle)), machine(std::as_bytes(std::span(bytes))) {
    top = machine.run();
  }
  const PickleValues& values() const { return machine.values(); }
  PickleKind kind() const { return values().kind(top); }
  const std::string bytes;
  PickleMachine machine;
  PickleRef top;
};

std::string fault(const std::string& pickle) {
  return failure([&] { Run run(pickle); }).text;
}

int64_t integer(const std::string& pickle) {
  const Run run(pickle);
  REQUIRE(run.kind() == PickleKind::integer);
  return run.values().integer(run.top);
}

}  // namespace

TEST_CASE("numbers of every opcode") {
  CHECK(integer("K\xff."s) == 255);
  CHECK(integer("M\x00\xff."s) == 65280);
  CHECK(integer("J\xfe\xff\xff\xff."s) == -2);
  CHECK(integer("\x8a\x00."s) == 0);
  CHECK(integer("\x8a\x01\xff."s) == -1);
  CHECK(integer("\x8a\x03\x00\x00\x80."s) == -8388608);
  CHECK(integer("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."s) == INT64_MAX);
  CHECK(integer("\x8b\x02\x00\x00\x00\x00\x01."s) == 256);
  CHECK(Run("\x8a\x09\0\0\0\0\0\0\0\0\1."s).kind() == PickleKind::opaque);
  CHECK(Run("G\x3f\xf0\0\0\0\0\0\0."s).kind() == PickleKind::real);
  CHECK(Run("N."s).kind() == PickleKind::none);
  const Run yes("\x88."s);
  CHECK(yes.values().boolean(yes.top));
}

TEST_CASE("texts of every opcode are seen where they are") {
  for (const std::string& pickle :
       {"X\3\0\0\0abc."s, "\x8c\3abc."s, "\x8d\3\0\0\0\0\0\0\0abc."s, "U\3abc."s, "T\3\0\0\0abc."s}) {
    const Run run(pickle);
    CHECK(run.values().is_text(run.top, "abc"));
    CHECK(run.machine.size() == pickle.size());
  }
}

TEST_CASE("dicts, lists and tuples, put together all at once or one by one") {
  const Run run("}q\0(X\1\0\0\0aK\1X\1\0\0\0bK\2uX\1\0\0\0aK\3s."s);
  REQUIRE(run.kind() == PickleKind::dict);
  std::string keys;
  run.values().for_each_member(run.top, [&](PickleRef key, PickleRef) { keys += run.values().text(key); });
  CHECK(keys == "aba");
  CHECK(run.values().integer(run.values().member(run.top, "a")) == 3);  // the last, as in Python
  CHECK(run.values().member(run.top, "c") == PickleValues::kNone);
  const Run tuple("](K\1K\2eK\3a\x85."s);
  REQUIRE(tuple.kind() == PickleKind::tuple);
  int64_t sum = 0;
  tuple.values().for_each_item(tuple.values().tuple(tuple.top)[0],
                               [&](PickleRef item) { sum = sum * 10 + tuple.values().integer(item); });
  CHECK(sum == 123);
}

TEST_CASE("an OrderedDict is a dict, made empty, of a dict or of Python 2's list of pairs") {
  CHECK(Run("ccollections\nOrderedDict\n)R."s).kind() == PickleKind::dict);
  for (const std::string& pickle :
       {"ccollections\nOrderedDict\n}X\1\0\0\0aK\5s\x85R."s, "ccollections\nOrderedDict\n](](X\1\0\0\0aK\5ee\x85R."s,
        "ccollections\nOrderedDict\n](X\1\0\0\0aK\5\x86\x65\x85R."s}) {
    const Run run(pickle);
    REQUIRE(run.kind() == PickleKind::dict);
    CHECK(run.values().integer(run.values().member(run.top, "a")) == 5);
  }
  CHECK(fault("ccollections\nOrderedDict\n](K\1\x85\x65\x85R.") ==
        "its pickle is damaged at byte 33: a dict made of something that is no pair");
}

TEST_CASE("a dict has the state that BUILD gave it last, whatever is put into it afterwards") {
  for (const std::string& front : {"}"s, "ccollections\nOrderedDict\n)R"s}) {
    CHECK(Run(front + "."s).values().state(Run(front + "."s).top) == PickleValues::kNone);
    const Run run(front + "X\1\0\0\0aK\1sK\7bK\x08\x62X\1\0\0\0bK\2sX\1\0\0\0cK\3s."s);
    const PickleRef state = run.values().state(run.top);
    REQUIRE(state != PickleValues::kNone);
    CHECK(run.values().integer(state) == 8);
    for (const auto& [name, value] : {std::pair("a", 1), std::pair("b", 2), std::pair("c", 3)})
      CHECK(run.values().integer(run.values().member(run.top, name)) == value);
  }
  const Run itself("}q\0h\0b."s);
  CHECK(itself.values().state(itself.top) == itself.top);
}

TEST_CASE("what is called is noted and left alone") {
  const Run run("cckmerge_test_absent\n__call__\n)R."s);
  CHECK(run.kind() == PickleKind::call);
  REQUIRE(run.machine.names().size() == 1);
  CHECK(run.machine.names()[0].module == "ckmerge_test_absent");
  CHECK(run.machine.names()[0].name == "__call__");
  const Run stacked(
      "\x8c\x13"
      "ckmerge_test_absent\x94\x8c\5Thing\x94\x93."s);  // STACK_GLOBAL
  CHECK(stacked.machine.names()[0].module == "ckmerge_test_absent");
  CHECK(stacked.machine.names()[0].name == "Thing");
  CHECK(Run("cckmerge_test_absent\nThing\n)\x81}b."s).kind() == PickleKind::call);  // NEWOBJ, BUILD
}

TEST_CASE("members that getattr looks up in a global are named, and any other use of it is noted") {
  const std::string getter = "c__builtin__\ngetattr\n", thing = "cckmerge_test_absent\nThing\n";
  const std::string member = getter + thing + "X\1\0\0\0m\x86R"s;
  const auto misuses = [](const std::string& pickle) { return Run(pickle).machine.misuses_getattr(); };
  const Run run(member + ".");
  CHECK_FALSE(run.machine.misuses_getattr());
  REQUIRE(run.machine.names().size() == 3);
  CHECK(run.machine.names()[2].module == "ckmerge_test_absent");
  CHECK(run.machine.names()[2].name == "Thing.m");
  CHECK_FALSE(misuses(member + ")\x81}b."));  // an object of a nested class
  CHECK(misuses(member + ")R."));             // a call of a method
  CHECK(misuses(member + "}b."));             // a member that is changed
  CHECK(misuses(member + "K\1a."));           //
  CHECK(misuses(getter + thing + "\x85R."));
  CHECK(misuses(getter + "."));
  CHECK(misuses("](" + getter + "e."));
  CHECK(misuses(getter + "0N."));
}

TEST_CASE("members of members are named by plain names, to some depth") {
  const std::string getter = "c__builtin__\ngetattr\n", thing = "cckmerge_test_absent\nThing\n";
  const auto within = [&](const std::string& of, const std::string& name) {
    return getter + of + "X" + static_cast<char>(name.size()) + "\0\0\0"s + name + "\x86R";
  };
  const auto misuses = [](const std::string& pickle) { return Run(pickle).machine.misuses_getattr(); };
  const std::string inner = within(within(thing, "Inner"), "Deep_2");
  const Run run(inner + ")\x81.");
  CHECK_FALSE(run.machine.misuses_getattr());
  REQUIRE(run.machine.names().size() == 4);
  CHECK(run.machine.names()[3].name == "Thing.Inner.Deep_2");
  for (const char* name : {"a.b", "", "2", "a b"}) {
    CHECK(misuses(within(within(thing, "Inner"), name) + "."));
    CHECK(misuses(within(within(thing, name), "Deep") + "."));
  }
  CHECK(misuses(inner + ")R."));
  CHECK(misuses(inner + "}b."));
  CHECK(misuses(within(thing + ")\x81", "Inner") + "."));
  CHECK(misuses(within(within(thing + ")\x81", "Inner"), "Deep") + "."));
  std::string deep = thing;
  for (int i = 0; i < 9; ++i) deep = within(deep, "In");
  CHECK(misuses(deep + "."));
}

TEST_CASE("who calls what it is given is given no member") {
  const std::string thing = "cckmerge_test_absent\nThing\n";
  const std::string member = "c__builtin__\ngetattr\n" + thing + "X\1\0\0\0m\x86R"s;
  const std::string typed = "ctorch._tensor\n_rebuild_from_type_v2\n";
  const std::string maker = "cnumpy.random._pickle\n__generator_ctor\n";
  const std::string scalar = "cnumpy.core.multiarray\nscalar\n";
  const auto misuses = [](const std::string& pickle) { return Run(pickle).machine.misuses_getattr(); };
  CHECK(misuses(typed + "(" + member + thing + ")}tR."));
  CHECK(misuses(typed + "(" + typed + thing + "(" + member + thing + ")}t}tR."));
  CHECK(misuses(typed + "(" + typed + thing + "](" + member + "e}t" + "R."));  // not a tuple, as torch has it
  CHECK(misuses(typed + "(" + maker + thing + "K\1" + member + "\x86}tR."));
  CHECK(misuses(maker + "K\1" + member + "\x86R."));
  CHECK(misuses(scalar + "K\1" + member + "\x86R."));
  CHECK(misuses("(" + typed + member + thing + ")}o."));
  CHECK_FALSE(misuses(typed + "(" + thing + member + ")}X\1\0\0\0a"s + member + "stR."));  // a class, a state
  CHECK_FALSE(misuses(thing + member + "\x85R."));
}

TEST_CASE("INST and OBJ are calls") {
  const Run inst("(K\1ickmerge_test_absent\nThing\n."s);
  CHECK(inst.kind() == PickleKind::call);
  CHECK(inst.values().tuple(inst.values().arguments(inst.top)).size() == 1);
  const Run obj("(cckmerge_test_absent\nThing\nK\1K\2o."s);
  CHECK(obj.kind() == PickleKind::call);
  CHECK(obj.values().tuple(obj.values().arguments(obj.top)).size() == 2);
  CHECK(Run("(icollections\nOrderedDict\n."s).kind() == PickleKind::dict);
  CHECK(fault("(o.") == "its pickle is damaged at byte 2: OBJ without a class");
  CHECK(fault("(K\1o.") == "its pickle is damaged at byte 4: a call of something that is no function");
}

TEST_CASE("faults say where and what") {
  CHECK(fault("K") == "its pickle ends early: at byte 1 it promises 1 more, there are 0");
  CHECK(fault("N") == "its pickle ends early: at byte 1 it promises 1 more, there are 0");
  CHECK(fault("NN.") == "its pickle is damaged at byte 3: it stops with values left over");
  CHECK(fault("h\1.") == "its pickle is damaged at byte 2: the memo's number 1, which nothing has");
  CHECK(fault("(i") == "its pickle ends early: at byte 2 it promises 1 more, there are 0");
  CHECK(fault("\x82\1.") ==
        "its pickle has the opcode EXT1 at byte 0, which torch does not write; get it from its author as safetensors");
}
