# SPDX-License-Identifier: Apache-2.0
"""Seeded safetensors files: valid ones in every legal dress, and damage in several families.

A file is kept as members (lists of name, fields) until it is spelled, so that damage can be done at every level: to
values, fields, members, JSON text, bytes, and sizes.
"""
import json
import struct

BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
        "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}
LETTERS = ["a", "b", "weight", ".", "/", "0", " ", "é", "ß", "漢", "😀", "\u202e", "\x7f", "\x9b", "\x00", "\n", "\t",
           "\x1b", '"', "\\", "\uffff"]
NUMBERS = ["0", "1", "-0", "-1", "2", "7", "8", "1.0", "1e0", "1E2", "01", "+1", "0.5", "18446744073709551615",
           "18446744073709551616", "9223372036854775808", "4294967296", "2305843009213693952", "1e400", "null",
           '"1"', "true", "[1]", "{}", "", "-", "1.", "0x1", "NaN", "123456789012345678901234567890"]
VALUES = ["null", "true", "false", "0", "-0", "-0.0", "1.5", "-12", "1e300", "1e-400", "1e999", '"x"', '"\\u00e9"',
          '"\\ud800"', '"\\udc00"', '"\\ud83d\\ude00"', "[]", "{}", "[1,[2,{}]]", '{"a":{"b":null}}', "tru", "nul",
          "[1,]", "{,}", "'x'", '"\\x"', '"\x01"', '"\\/"', "1 2", "[1 2]", "// x\n1", "18446744073709551615",
          "-9223372036854775808", "0e5", "1e+2", "1e", "-", ".5", "Infinity", '"' + "y" * 300 + '"',
          "[" * 100 + "]" * 100, "[" * 200 + "]" * 200]


def random_name(random):
    return "".join(random.choice(LETTERS) for _ in range(random.choice([0, 1, 1, 2, 3, 5, 12])))


def random_shape(random, bits):
    shape = [random.choice([0, 1, 1, 2, 3, 4, 5, 8]) for _ in range(random.choice([0, 1, 1, 2, 2, 3, 4, 9]))]
    if bits < 8:
        shape.append(8)  # whole bytes
    return shape


def byte_size(dtype, shape):
    count = 1
    for dimension in shape:
        count *= dimension
    return count * BITS[dtype] // 8


def random_members(random):
    """Members and the size of the data section."""
    names = list({random_name(random) for _ in range(random.choice([0, 1, 2, 3, 3, 4, 8]))} - {"__metadata__"})
    names.sort()
    random.shuffle(names)
    members, end = [], 0
    for name in names:
        dtype = random.choice(list(BITS))
        shape = random_shape(random, BITS[dtype])
        begin, end = end, end + byte_size(dtype, shape)
        fields = [["dtype", json.dumps(dtype)], ["shape", json.dumps(shape)],
                  ["data_offsets", json.dumps([begin, end])]]
        random.shuffle(fields)
        members.append([name, fields])
    random.shuffle(members)
    return members, end


def spell_string(random, text):
    if random.random() < 0.2:
        return json.dumps(text)  # everything but ASCII escaped
    return json.dumps(text, ensure_ascii=False)


def spell_metadata(random):
    count = random.choice([0, 1, 1, 2, 4])
    entries = ",".join(f"{spell_string(random, random_name(random))}:{spell_string(random, random_name(random))}"
                       for _ in range(count))
    return random.choice(["{" + entries + "}"] * 9 + ["null"])


def spell(random, members, metadata=None):
    """JSON text, with white space at random in a third of the files."""
    spaces = [""] if random.random() < 0.7 else ["", " ", "\n", "\t\r\n "]

    def gap():
        return random.choice(spaces)

    texts = []
    for name, fields in members:
        inside = ",".join(f"{gap()}\"{key}\"{gap()}:{gap()}{value}{gap()}" for key, value in fields)
        texts.append(f"{gap()}{spell_string(random, name)}{gap()}:{gap()}{{{inside}}}{gap()}")
    if metadata is not None:
        texts.insert(random.randrange(len(texts) + 1), f'"__metadata__":{metadata}')
    return gap() + "{" + ",".join(texts) + "}" + gap()


def build(header, data_size, random, length=None):
    if isinstance(header, str):
        header = header.encode("utf-8", "surrogatepass")
    if random.random() < 0.5:
        header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header) if length is None else length) + header + random.randbytes(data_size)


def some_fields(random, members):
    return random.choice(members)[1] if members else None


def valid(random):
    members, size = random_members(random)
    metadata = spell_metadata(random) if random.random() < 0.4 else None
    return build(spell(random, members, metadata), size, random)


def extra_fields(random):
    members, size = random_members(random)
    for _, fields in members:
        if random.random() < 0.7:
            key = random.choice(["extra", "", "Dtype", "strides", "\\u0064type2"])
            fields.insert(random.randrange(4), [key, random.choice(VALUES)])
    return build(spell(random, members), size, random)


def damaged_numbers(random):
    members, size = random_members(random)
    fields = some_fields(random, members)
    if fields:
        field = random.choice([field for field in fields if field[0] != "dtype"])
        numbers = json.loads(field[1])
        spelled = [str(number) for number in numbers]
        action = random.randrange(4)
        if action == 0 or not spelled:
            spelled.insert(random.randrange(len(spelled) + 1), random.choice(NUMBERS))
        elif action == 1:
            at = random.randrange(len(spelled))
            spelled[at] = str(max(0, numbers[at] + random.choice([-1, 1, 8])))
        elif action == 2:
            spelled[random.randrange(len(spelled))] = random.choice(NUMBERS)
        else:
            random.shuffle(spelled)
        field[1] = "[" + ",".join(spelled) + "]"
    return build(spell(random, members), size, random)


def damaged_fields(random):
    members, size = random_members(random)
    fields = some_fields(random, members)
    if fields:
        at = random.randrange(3)
        action = random.randrange(5)
        if action == 0:
            del fields[at]
        elif action == 1:
            fields.insert(random.randrange(4), list(fields[at]))
        elif action == 2:
            fields[at][1] = random.choice(VALUES)
        elif action == 3:
            fields[at][0] = random.choice(["Dtype", "shape ", "data_offset", "", fields[at][0].upper()])
        else:
            for field in fields:
                if field[0] == "dtype":
                    field[1] = random.choice(['"f32"', '"F7"', '""', '"F8"', '{"U8":null}', '"F32 "', '"\\u0046\\u0033\\u0032"'] +
                                             [json.dumps(dtype) for dtype in BITS])
    return build(spell(random, members), size, random)


def damaged_members(random):
    members, size = random_members(random)
    action = random.randrange(6)
    metadata = None
    if members and action == 0:
        del members[random.randrange(len(members))]  # a hole, or a shorter file
    elif members and action == 1:
        members.insert(random.randrange(len(members) + 1), random.choice(members))
    elif members and action == 2:
        random.choice(members)[0] = random.choice(members)[0]
    elif members and action == 3:
        one, other = random.choice(members), random.choice(members)
        one[1], other[1] = other[1], one[1]
    elif action == 4:
        metadata = random.choice(['{"a":1}', '{"a":null}', "[]", '"x"', "1", '{"a":{}}', '{"a":"1","a":"2"}',
                                  '{"a":"b"},"__metadata__":{}', 'null,"__metadata__":null', '{"":"\\u0000"}'])
    else:
        text = spell(random, members)
        entry = random.choice(["null", "1", '"x"', "[]", '["U8",[0],[0,0]]', '["U8",[0],[0,0],1]', "{}"])
        comma = "," if members else ""
        return build(text.replace("{", '{"odd":' + entry + comma, 1), size, random)
    return build(spell(random, members, metadata), size, random)


def damaged_text(random):
    members, size = random_members(random)
    text = spell(random, members, spell_metadata(random) if random.random() < 0.3 else None)
    for _ in range(random.choice([1, 1, 2])):
        at = random.randrange(len(text) + 1)
        action = random.randrange(3)
        if action == 0:
            text = text[:at] + text[at + 1:]
        elif action == 1:
            text = text[:at] + random.choice('{}[]",:\\0e-. \n\x00/') + text[at:]
        else:
            text = text[:at] + text[max(at - random.randrange(1, 9), 0):]
    return build(text, size, random)


def damaged_bytes(random):
    file = bytearray(valid(random))
    (length,) = struct.unpack_from("<Q", file)
    if length:
        at = 8 + random.randrange(length)
        damage = random.choice([b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00",
                                bytes([random.randrange(256)])])
        file[at:at + len(damage)] = damage
    return bytes(file)


def damaged_ends(random):
    members, size = random_members(random)
    text = random.choice(["", "", "", "\ufeff", " ", "\x00"]) + spell(random, members)
    text += random.choice(["", "", "", " ", "\x00", "\x0c", "{}", "x", ","])
    return build(text, max(0, size + random.choice([0, 0, 0, -1, 1, 8, -size])), random)


def damaged_length(random):
    file = valid(random)
    (length,) = struct.unpack_from("<Q", file)
    wrong = random.choice([length + 1, max(length - 1, 0), 0, 1, 7, 8, len(file), len(file) - 8, 100_000_000,
                           100_000_001, 1 << 63, (1 << 64) - 1, length | 1 << random.randrange(64)])
    return random.choice([struct.pack("<Q", wrong) + file[8:], file[:random.randrange(len(file) + 1)]])


FAMILIES = [valid, extra_fields, damaged_numbers, damaged_fields, damaged_members, damaged_text, damaged_bytes,
            damaged_ends, damaged_length]
