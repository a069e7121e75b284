# SPDX-License-Identifier: Apache-2.0
"""No two headers define types of one name in one namespace: inline members of both would be one symbol, of which the linker keeps
either."""
import re

import tree

TYPE = re.compile(r"^(?:struct|class|enum class) (\w+)(?: final)?(?: : [^{;]*)?\s*\{", re.MULTILINE)
NAMESPACE = re.compile(r"^namespace ([\w:]+) \{|^\}  // namespace( [\w:]+)?$", re.MULTILINE)


def types(text):
    """The names of all types that stand at a line's beginning, with their namespaces."""
    inside, events = [], sorted([*NAMESPACE.finditer(text), *TYPE.finditer(text)], key=lambda match: match.start())
    for match in events:
        if match.re is TYPE:
            yield "::".join([*inside, match[1]])
        elif match[1]:
            inside.append(match[1])
        elif inside:
            inside.pop()


known, faults = {}, []
headers = [path for path in tree.sources("kernels", "io", "core", "cli") if path.suffix == ".h"]
for path in headers:
    for name in types(tree.text(path)):
        if known.setdefault(name, path) != path:
            faults.append(f"{path}: {name} is a type of {known[name]} as well")
tree.finish(faults, len(headers))
