# SPDX-License-Identifier: Apache-2.0
"""The repository holds text that people wrote: no file over 1 MB, nothing built, no weights."""
import tree

LIMIT = 1_000_000
BUILT = {".o", ".a", ".so", ".dll", ".exe", ".pyc", ".whl", ".pth", ".pt", ".ckpt", ".gguf", ".zip", ".gz"}

faults = []
checked = tree.files()
for path in checked:
    size = (tree.ROOT / path).stat().st_size
    if size > LIMIT:
        faults.append(f"{path}: {size} bytes, more than {LIMIT}")
    if path.suffix in BUILT:
        faults.append(f"{path}: {path.suffix} files do not belong in the repository")
tree.finish(faults, len(checked))
