# SPDX-License-Identifier: Apache-2.0
"""usage: request_schema.py CKMERGE LIBRARY
docs/request.schema.json is what the table of options makes of it, and takes what the library takes."""
import json
import pathlib
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1])]
import checks  # noqa: E402
from library import library  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
LIBRARY = sys.argv[2]

# Options of merge as JSON, by what the library makes of their kinds; values that are wrong in themselves are not here.
GOOD = ['"alpha": 0.3', '"alpha": "0.3"', '"alpha": null', '"force": true', '"force": "false"', '"threads": 2', '"memory": 268435456',
        '"memory": "1GiB"', '"only": "a"', '"only": ["a", "b"]', '"only": []', '"missing": "zero"', '"dtype": "f16"',
        '"dtype": ["f16", "vae=f32"]', '"dtype": {"vae": "f32"}', '"set-metadata": {"a": 1}', '"set-metadata": ["a=b"]',
        '"method": "linear", "weights": [1, 2.5]', '"method": "linear", "weights": "1,2", "normalize": false',
        '"param": {"alpha": 0.3}', '"param": ["alpha=0.3"]', '"sweep": {"alpha": [0.1, 0.2]}', '"sweep": "alpha=0.1"',
        '"weight": {"IN04": 0.2}', '"weight": {"alpha": {"IN04": 0.2, "OUT*": [0, 1]}}', '"weight": "IN04=0.2"',
        '"mbw": [0, 1]', '"mbw": "0,1"', '"like": "a1111"', '"output": "o.safetensors"', '"rename": {"a": "b"}',
        '"device": "cpu"', '"config": "auto"', '"format": "ckpt"']
BAD = ['"alpha": true', '"alpha": [1]', '"alpha": {}', '"force": 1', '"force": "maybe"', '"force": []', '"threads": "x"',
       '"threads": 0.5', '"only": 1', '"only": [1]', '"only": {"a": 1}', '"missing": "gone"', '"missing": 1', '"dtype": 16',
       '"set-metadata": 1', '"method": 1', '"weights": ["1"]', '"weights": {}', '"param": 1', '"param": {"a": {"b": 1}}',
       '"sweep": {"alpha": {}}', '"output": 1', '"output": []', '"like": "nothing"', '"alhpa": 1', '"progress": "json"', '"json": true',
       '"quiet": true', '"help": true', '"beta1": 1', '"vae": 1', '"device": 0', '"unet": "x"']
# What a text says is its reader's business, not the schema's.
TEXTS = ['"threads": "x"']


def test_it_is_made_of_the_table():
    made = subprocess.run([sys.executable, "-B", ROOT / "scripts/request_schema.py", LIBRARY], capture_output=True, text=True,
                          check=True).stdout
    there = (ROOT / "docs/request.schema.json").read_text()
    checks.expect(made == there, "docs/request.schema.json is not what scripts/request_schema.py LIBRARY prints")


def test_it_agrees_with_the_library():
    try:
        import jsonschema
    except ImportError:
        return print("NOT RUN: requests against the schema (no jsonschema)")
    schema = json.loads((ROOT / "docs/request.schema.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    jsonschema.Draft7Validator.check_schema(schema)
    lib = library()
    for options in GOOD + BAD:
        request = {"command": "merge", "inputs": ["gone.safetensors", "lost.safetensors"],
                   "options": {"dry-run": True, **json.loads("{" + options + "}")}}
        code, document = lib.call(request["command"], request["inputs"], **request["options"])
        # Where nothing is wrong with the request, the files are.
        by_library = code == 1 and all("safetensors" in line for line in document["error"]["details"])
        by_schema = validator.is_valid(request) and options not in TEXTS
        checks.expect(by_library == by_schema == (options in GOOD), f"{options}: {by_library} {by_schema} {document}")
    for request in ({"command": "methods"}, {"command": "list", "inputs": ["a"], "options": None},
                    {"command": "plan", "inputs": ["r.yaml"], "options": {"models": "x"}}):
        checks.expect(validator.is_valid(request), f"{request} is valid")
    for request in ({}, [], {"command": "man"}, {"command": "merge", "inputs": "a"}, {"command": "merge", "more": 1},
                    {"command": "inspect", "options": {"alpha": 1}}):
        checks.expect(not validator.is_valid(request), f"{request} is not valid")


checks.run_in_folders(test_it_is_made_of_the_table, test_it_agrees_with_the_library)
