# SPDX-License-Identifier: Apache-2.0
"""usage: record_flags.py
Writes recorded/flags.json: every spelling of every option of mergekit's programs, with what kind of value it takes ("" for none)."""
import json
import warnings

import folders
from mergekit.scripts import merge_raw_pytorch, multimerge, run_yaml


def flags(command):
    out = {}
    for option in command.params:
        if option.param_type_name == "option":
            kind = "" if option.is_flag or option.count else option.type.name
            out.update({spelling: kind for spelling in (*option.opts, *option.secondary_opts)})
    return dict(sorted(out.items()))


def main():
    warnings.simplefilter("ignore")
    told = {name: flags(module.main) for name, module in (("yaml", run_yaml), ("pytorch", merge_raw_pytorch), ("multi", multimerge))}
    (folders.HERE / "recorded" / "flags.json").write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")


main()
