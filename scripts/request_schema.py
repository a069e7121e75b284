#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: scripts/request_schema.py LIBRARY > docs/request.schema.json
Prints the JSON Schema of requests (docs/capi.md), made of what the library says of itself."""
import ctypes
import json
import sys

NUMBERS = {"type": "array", "minItems": 1, "items": {"type": "number"}}
# What else than a text the values of a type may be.
OF_TYPE = {"number": [{"type": "number"}], "count": [{"type": "integer"}], "size": [{"type": "integer"}],
           "numbers": [{"type": "number"}, NUMBERS]}
PAIR_VALUE = {"anyOf": [{"type": ["string", "number", "boolean"]},
                        {"type": "array", "minItems": 1,
                         "items": {"anyOf": [{"type": ["string", "number", "boolean"]}, NUMBERS]}}]}


def described(library):
    library = ctypes.CDLL(library)
    library.ckmerge_describe.restype = ctypes.c_void_p
    library.ckmerge_free.argtypes = [ctypes.c_void_p]
    pointer = library.ckmerge_describe(None)
    text = ctypes.string_at(pointer)
    library.ckmerge_free(pointer)
    return json.loads(text)


def any_of(kinds):
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def of_pairs(option):
    values = [PAIR_VALUE]
    if option["name"] == "weight":  # whose weights they are
        values.append({"type": "object", "additionalProperties": PAIR_VALUE})
    return {"type": "object", "additionalProperties": any_of(values)}


def value_of(option):
    """The schema of what an option may be given as; null is as good as nothing."""
    if option["kind"] in ("flag", "toggle"):
        return {"enum": [True, False, "true", "false", None]}
    if option["kind"] == "value" and option["choices"] and option["type"] in ("choice", "text"):
        return {"enum": [*option["choices"], None]}
    one = [{"type": "string"}, *OF_TYPE.get(option["type"], [])]
    if option["may_be_object"]:
        one.append(of_pairs(option))
    several = [{"type": "array", "items": any_of(one)}] if option["kind"] == "list" else []
    return any_of([*one, *several, {"type": "null"}])


def meaning(option):
    value = f" {option['value_name']}" if option["value_name"] else ""
    return f"--{option['name']}{value}: {option['meaning']}"


def schema(library):
    facts = described(library)
    definitions, of_command = {}, {command["name"]: {} for command in facts["commands"]}
    for option in facts["options"]:
        names = [option["name"], f"{option['name']} of {option['commands'][0]}"]
        name = next(name for name in names if name not in definitions)
        definitions[name] = {"description": meaning(option), **value_of(option)}
        for command in option["commands"]:
            of_command[command][option["name"]] = {"$ref": f"#/definitions/{name.replace(' ', '%20')}"}
    options = {command: {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
               for command, properties in of_command.items()}
    definitions.update({f"options of {command}": of for command, of in options.items()})
    of_mergekit = {**of_command["mergekit"], "mergekit": of_command["plan"]["mergekit"]}
    definitions["options of plan of mergekit"] = {**options["mergekit"], "properties": of_mergekit}
    references = {command: {"$ref": f"#/definitions/options%20of%20{command}"} for command in options}
    # Of a recipe file, and of a configuration of mergekit.
    planning_mergekit = {"$ref": "#/definitions/options%20of%20plan%20of%20mergekit"}
    references["plan"] = {"anyOf": [references["plan"], references["run"], planning_mergekit]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A request to ckmerge (docs/capi.md)",
        "$comment": "SPDX-License-Identifier: Apache-2.0. Made by scripts/request_schema.py",
        "type": "object", "required": ["command"], "additionalProperties": False,
        "properties": {
            "command": {"enum": list(options), "description": "what to do"},
            "inputs": {"type": ["array", "null"], "items": {"type": "string"},
                       "description": "the command's operands, each a word of a command line that is no option: paths, "
                                      "@NAMEs of the registry, memory:NAMEs, NAME=PATH beside a formula"},
            "options": {"description": "options of the command under their names; any may be the text that a command "
                                       "line has for it"}},
        "allOf": [{"if": {"properties": {"command": {"const": command}}},
                   "then": {"properties": {"options": reference}}} for command, reference in references.items()],
        "definitions": definitions}


def laid_out(document):
    """A line for each member of the last level that anybody reads."""
    lines = []
    for key, value in document.items():
        if key == "definitions":
            inner = [f"    {json.dumps(name)}: {json.dumps(item)}" for name, item in value.items()]
            lines.append(f"  {json.dumps(key)}: {{\n" + ",\n".join(inner) + "\n  }")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: scripts/request_schema.py LIBRARY > docs/request.schema.json")
    sys.stdout.write(laid_out(schema(sys.argv[1])))
