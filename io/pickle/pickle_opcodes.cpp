// SPDX-License-Identifier: Apache-2.0
// What each opcode does, as a table; Python's pickletools is the reference for their meaning. Opcodes with a reason in
// place of an action are known and refused: what would need a registry or buffers outside of the file.
#include <array>
#include <bit>

#include "io/pickle/pickle_lines.h"
#include "io/pickle/pickle_machine.h"
#include "io/text/sentence.h"

namespace ckmerge {

struct PickleMachine::Opcode {
  unsigned char code;
  const char* name;
  void (*run)(PickleMachine&);
};

struct PickleOpcodes {
  using M = PickleMachine;

  // ---- numbers and texts
  template <size_t bytes>
  static void unsigned_integer(M& m) {
    m.push(m.values_.add_integer(static_cast<int64_t>(m.take_number(bytes))));
  }
  static void binint(M& m) {
    m.push(m.values_.add_integer(static_cast<int32_t>(static_cast<uint32_t>(m.take_number(4)))));
  }
  template <size_t bytes>
  static void long_integer(M& m) {
    const uint64_t size = m.take_number(bytes);
    if (bytes == 4 && size > INT32_MAX) m.fail("an integer of negative length");
    m.push(m.take_long(size));
  }
  static void binfloat(M& m) { m.push(m.values_.add_real(std::bit_cast<double>(__builtin_bswap64(m.take_number(8))))); }
  static void none(M& m) { m.push(m.values_.add_none()); }
  template <bool value>
  static void boolean(M& m) {
    m.push(m.values_.add_boolean(value));
  }
  template <size_t bytes>
  static void text(M& m) {
    m.push(m.take_text(m.take_number(bytes)));
  }
  template <size_t bytes>
  static void skip_bytes(M& m) {
    m.take(m.take_number(bytes));
    m.push(m.values_.add_opaque());
  }

  // ---- containers
  template <size_t count>
  static void tuple(M& m) {
    m.pop_into_tuple(count);
  }
  static void tuple_to_mark(M& m) { m.push(m.values_.add_tuple(m.pop_to_mark())); }
  template <PickleKind kind>
  static void container(M& m) {
    m.push(m.values_.add_container(kind));
  }
  static void list_to_mark(M& m) {
    const std::span<const PickleRef> items = m.pop_to_mark();
    const PickleRef list = m.values_.add_container(PickleKind::list);
    m.values_.append(list, items);
    m.push(list);
  }
  static void dict_to_mark(M& m) {
    const std::span<const PickleRef> items = m.pop_to_mark();
    if (items.size() % 2 != 0) m.fail("DICT with a key that has no value");
    const PickleRef dict = m.values_.add_container(PickleKind::dict);
    m.values_.append(dict, items);
    m.push(dict);
  }
  static void empty_set(M& m) { m.push(m.values_.add_opaque()); }
  static void frozenset(M& m) {
    m.pop_to_mark();
    m.push(m.values_.add_opaque());
  }
  static void append(M& m) {
    const PickleRef item = m.pop();
    m.put_items(m.top(), {&item, 1}, PickleKind::list, "APPEND");
  }
  static void appends(M& m) {
    const std::span<const PickleRef> items = m.pop_to_mark();
    m.put_items(m.top(), items, PickleKind::list, "APPENDS");
  }
  static void setitem(M& m) {
    const PickleRef value = m.pop(), key = m.pop();
    const PickleRef member[] = {key, value};
    m.put_items(m.top(), member, PickleKind::dict, "SETITEM");
  }
  static void setitems(M& m) {
    const std::span<const PickleRef> items = m.pop_to_mark();
    m.put_items(m.top(), items, PickleKind::dict, "SETITEMS");
  }
  static void additems(M& m) {
    const std::span<const PickleRef> items = m.pop_to_mark();
    m.put_items(m.top(), items, PickleKind::opaque, "ADDITEMS");
  }

  // ---- stack and memo
  static void mark(M& m) {
    constexpr size_t kMostMarks = 1000;  // as deep as values may nest
    if (m.marks_.size() >= kMostMarks) m.fail(sentence("more than ", kMostMarks, " marks"));
    m.marks_.push_back(static_cast<uint32_t>(m.stack_.size()));
  }
  static void pop(M& m) {
    if (!m.marks_.empty() && m.marks_.back() == m.stack_.size())
      m.marks_.pop_back();
    else
      m.pop();
  }
  static void pop_mark(M& m) { m.pop_to_mark(); }
  static void dup(M& m) { m.push(m.top()); }
  template <size_t bytes>
  static void put(M& m) {
    m.memoize(m.take_number(bytes));
  }
  static void memoize(M& m) { m.memoize(m.memo_count_); }
  template <size_t bytes>
  static void get(M& m) {
    m.push(m.remembered(m.take_number(bytes)));
  }

  // ---- objects
  static void global(M& m) {
    const PickleRef module = m.take_name();
    m.push_global(module, m.take_name());
  }
  static void stack_global(M& m) {
    const PickleRef name = m.pop(), module = m.pop();
    m.push_global(module, name);
  }
  static void call(M& m) {
    const PickleRef arguments = m.pop(), called = m.pop_called();
    m.refuse_change_of(called);
    m.push_call(called, arguments);
  }
  // Makes an object of a class, which may be a nested one; of anything else Python makes none.
  static void newobj(M& m) {
    const PickleRef arguments = m.pop(), made = m.pop();
    m.push_call(made, arguments);
  }
  static void newobj_ex(M& m) {
    m.pop();  // arguments by name
    newobj(m);
  }
  // The state of an object, which is of interest where it is a dict's: the attributes of an OrderedDict.
  static void build(M& m) {
    const PickleRef state = m.pop();
    const PickleKind kind = m.values_.kind(m.top());
    m.refuse_change_of(m.top());
    if (kind == PickleKind::dict) m.values_.set_state(m.top(), state);
    if (kind != PickleKind::call && kind != PickleKind::opaque && kind != PickleKind::dict && kind != PickleKind::list)
      m.fail("BUILD on a value that has no state");
  }
  static void binpersid(M& m) {
    m.push(m.values_.add_persistent(m.pop()));
    m.persistent_.push_back(m.top());
  }
  // Calls in the words of protocols 0 and 1.
  static void inst(M& m) {
    global(m);
    const PickleRef called = m.pop_called();
    m.push_call(called, m.values_.add_tuple(m.pop_to_mark()));
  }
  static void obj(M& m) {
    const std::span<const PickleRef> all = m.pop_to_mark();
    if (all.empty()) m.fail("OBJ without a class");
    const PickleRef called = all[0];
    m.refuse_change_of(called);
    m.push_call(called, m.values_.add_tuple(all.subspan(1)));
  }

  // ---- frame of the stream
  static void proto(M& m) {
    const uint64_t protocol = m.take_number(1);
    if (protocol > 5) m.fail(sentence("protocol ", protocol, ", the newest known is 5"));
  }
  static void frame(M& m) {
    const uint64_t size = m.take_number(8);
    if (size <= m.bytes_.size() - m.at_) return;
    throw PickleEndsEarly(ErrorCode::malformed, "",
                          sentence("its pickle ends early: a frame of ", size, " bytes at byte ", m.at_));
  }
  static void stop(M& m) {
    m.expect(1);
    m.refuse_getattr_as(m.stack_);
    if (m.stack_.size() != 1 || !m.marks_.empty()) m.fail("it stops with values left over");
    m.stopped_ = true;
  }

  static constexpr PickleMachine::Opcode kOpcodes[] = {
      {'(', "MARK", mark},
      {'.', "STOP", stop},
      {'0', "POP", pop},
      {'1', "POP_MARK", pop_mark},
      {'2', "DUP", dup},
      {'F', "FLOAT", PickleLines::float_line},
      {'G', "BINFLOAT", binfloat},
      {'I', "INT", PickleLines::integer_line},
      {'J', "BININT", binint},
      {'K', "BININT1", unsigned_integer<1>},
      {'L', "LONG", PickleLines::long_line},
      {'M', "BININT2", unsigned_integer<2>},
      {'N', "NONE", none},
      {'P', "PERSID", PickleLines::persid},
      {'Q', "BINPERSID", binpersid},
      {'R', "REDUCE", call},
      {'S', "STRING", PickleLines::string_line},
      {'T', "BINSTRING", text<4>},
      {'U', "SHORT_BINSTRING", text<1>},
      {'V', "UNICODE", PickleLines::unicode_line},
      {'X', "BINUNICODE", text<4>},
      {']', "EMPTY_LIST", container<PickleKind::list>},
      {'a', "APPEND", append},
      {'b', "BUILD", build},
      {'c', "GLOBAL", global},
      {'d', "DICT", dict_to_mark},
      {'e', "APPENDS", appends},
      {'g', "GET", PickleLines::get_line},
      {'h', "BINGET", get<1>},
      {'i', "INST", inst},
      {'j', "LONG_BINGET", get<4>},
      {'l', "LIST", list_to_mark},
      {'o', "OBJ", obj},
      {'p', "PUT", PickleLines::put_line},
      {'q', "BINPUT", put<1>},
      {'r', "LONG_BINPUT", put<4>},
      {'s', "SETITEM", setitem},
      {'t', "TUPLE", tuple_to_mark},
      {'u', "SETITEMS", setitems},
      {'}', "EMPTY_DICT", container<PickleKind::dict>},
      {')', "EMPTY_TUPLE", tuple<0>},
      {0x80, "PROTO", proto},
      {0x81, "NEWOBJ", newobj},
      {0x82, "EXT1", nullptr},
      {0x83, "EXT2", nullptr},
      {0x84, "EXT4", nullptr},
      {0x85, "TUPLE1", tuple<1>},
      {0x86, "TUPLE2", tuple<2>},
      {0x87, "TUPLE3", tuple<3>},
      {0x88, "NEWTRUE", boolean<true>},
      {0x89, "NEWFALSE", boolean<false>},
      {0x8a, "LONG1", long_integer<1>},
      {0x8b, "LONG4", long_integer<4>},
      {'B', "BINBYTES", skip_bytes<4>},
      {'C', "SHORT_BINBYTES", skip_bytes<1>},
      {0x8c, "SHORT_BINUNICODE", text<1>},
      {0x8d, "BINUNICODE8", text<8>},
      {0x8e, "BINBYTES8", skip_bytes<8>},
      {0x8f, "EMPTY_SET", empty_set},
      {0x90, "ADDITEMS", additems},
      {0x91, "FROZENSET", frozenset},
      {0x92, "NEWOBJ_EX", newobj_ex},
      {0x93, "STACK_GLOBAL", stack_global},
      {0x94, "MEMOIZE", memoize},
      {0x95, "FRAME", frame},
      {0x96, "BYTEARRAY8", skip_bytes<8>},
      {0x97, "NEXT_BUFFER", nullptr},
      {0x98, "READONLY_BUFFER", nullptr},
  };

  static constexpr std::array<const PickleMachine::Opcode*, 256> by_code() {
    std::array<const PickleMachine::Opcode*, 256> rows{};
    for (const PickleMachine::Opcode& opcode : kOpcodes) rows[opcode.code] = &opcode;
    return rows;
  }
};

namespace {
constexpr auto kByCode = PickleOpcodes::by_code();
}

PickleRef PickleMachine::run() {
  while (!stopped_) {
    const auto code = std::to_integer<unsigned char>(take(1)[0]);
    const Opcode* const opcode = kByCode[code];
    if (!opcode) fail(sentence("the byte ", unsigned{code}, " is no opcode"));
    if (!opcode->run)
      throw Error(ErrorCode::malformed, "",
                  sentence("its pickle has the opcode ", opcode->name, " at byte ", at_ - 1,
                           ", which torch does not write; get it from its author as safetensors"));
    opcode->run(*this);
  }
  return stack_[0];
}

}  // namespace ckmerge
