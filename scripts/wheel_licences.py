#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: wheel_licences.py WHEEL
Puts the licence texts of the libraries that lie in the wheel (auditwheel's ckmerge.libs), or are compiled into ours, into its folder of
licences, as Debian's packages have them. Run on the system that the wheel was made on. Exits 1 where a library's text is not found."""
import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import zipfile

COMPILED_IN = ["libcli11-dev"]  # headers alone, so that no library of theirs is in the wheel
COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9+])")


def package_of(library):
    """The package of a library as auditwheel names it: libre2-d7184d99.so.9.0.0."""
    name = re.sub(r"-[0-9a-f]{8}(?=\.so)", "", library)
    done = subprocess.run(["dpkg-query", "--search", f"*/{name}"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"wheel: no package has {name}, whose licence the wheel must hold")
    return done.stdout.split(":")[0].split(",")[0]


def text_of(package):
    """What the package says of its copyright, and the texts that it names, but for the GPL: that is of how it is packaged."""
    text = pathlib.Path("/usr/share/doc", package, "copyright").read_text(encoding="utf-8", errors="replace")
    for name in sorted(set(COMMON.findall(text))):
        if "GPL" not in name:
            found = pathlib.Path("/usr/share/common-licenses", name).read_text(encoding="utf-8", errors="replace")
            text += f"\n\n/usr/share/common-licenses/{name}:\n\n{found}"
    return text.encode()


def record_line(path, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def main():
    wheel = pathlib.Path(sys.argv[1])
    with zipfile.ZipFile(wheel) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    (record,) = [entry.filename for entry, _ in entries if entry.filename.endswith(".dist-info/RECORD")]
    folder = record.rpartition("/")[0] + "/licenses/"
    libraries = [pathlib.PurePosixPath(entry.filename).name for entry, _ in entries if re.match(r"[^/]*\.libs/.*\.so", entry.filename)]
    packages = sorted({*map(package_of, libraries), *COMPILED_IN})
    texts = {f"{folder}{package}.txt": text_of(package) for package in packages}
    lines = [line for line in next(data for entry, data in entries if entry.filename == record).decode().splitlines(keepends=True)
             if line.split(",")[0] not in texts]
    made = wheel.with_suffix(".new")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries:
            if entry.filename != record and entry.filename not in texts:
                archive.writestr(entry, data)
        for path, data in texts.items():
            archive.writestr(path, data)
        archive.writestr(record, "".join([*lines, *(record_line(path, data) for path, data in texts.items())]))
    made.replace(wheel)
    print(f"wheel: licences of {', '.join(packages)}")


if __name__ == "__main__":
    main()
