# SPDX-License-Identifier: Apache-2.0
"""usage: consumer.py CMAKE BUILD_FOLDER COMPILER GENERATOR
Installs the build, moves what was installed, and builds and runs examples/ against it as a user would."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import merge_example

cmake, build, compiler, generator = sys.argv[1:]
root = pathlib.Path(__file__).resolve().parents[2]


def run(*command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(part) for part in command)}\n{done.stdout}")
    return done.stdout


with tempfile.TemporaryDirectory(prefix="ckmerge-install-") as folder:
    folder = pathlib.Path(folder)
    run(cmake, "--install", build, "--prefix", folder / "first")
    prefix = (folder / "first").rename(folder / "moved")

    assert "ckmerge" in run(prefix / "bin/ckmerge", "--version")
    for file in prefix.rglob("*"):
        if file.suffix in {".cmake", ".h"}:
            text = file.read_text()
            for place in (str(root), str(folder)):
                assert place not in text, f"{file} names {place}"
            assert file.suffix == ".h" or "CUDA::" not in text, f"{file} needs the toolkit that the build had"
    assert list(prefix.rglob("LICENSE")), "no LICENSE"

    for place, *words in (("share/man/man1/ckmerge.1", "man"),
                          ("share/bash-completion/completions/ckmerge", "completions", "bash"),
                          ("share/zsh/site-functions/_ckmerge", "completions", "zsh"),
                          ("share/fish/vendor_completions.d/ckmerge.fish", "completions", "fish")):
        assert (prefix / place).read_text() == run(prefix / "bin/ckmerge", *words), place

    # Every header stands alone, with one include root. Those that a source includes before all else do, or it would not have been
    # compiled.
    first_includes = {re.search(r"^#include (.*)$", source.read_text(), re.M).group(1) for top in ("kernels", "io", "core", "cli")
                      for source in (root / top).rglob("*.cpp")}
    installed = sorted(header.relative_to(prefix / "include") for header in (prefix / "include/ckmerge").rglob("*.h"))
    headers = [header for header in installed if f'"{header.relative_to("ckmerge")}"' not in first_includes]
    assert 10 < len(headers) < len(installed), headers

    def compile_alone(index):
        source = folder / f"header{index}.cpp"
        source.write_text(f"#include <{headers[index]}>\n")
        run(compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", prefix / "include", source)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_alone, range(len(headers))))

    run(cmake, "-G", generator, "-S", root / "examples", "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_EXPORT_NO_PACKAGE_REGISTRY=ON")
    run(cmake, "--build", folder / "build")
    merge_example.check(folder / "build/merge_example")

    # The C interface by pkg-config, without CMake; the library shows its functions and nothing else.
    library = next(prefix.rglob("libckmerge.so"), None)
    if library:
        merge_example.check(folder / "build/merge_c")
        flags = run("env", f"PKG_CONFIG_PATH={library.parent / 'pkgconfig'}", "pkg-config", "--cflags", "--libs", "ckmerge").split()
        run("cc", "-std=c99", "-Wall", "-Werror", root / "examples/merge.c", "-o", folder / "merge_c", *flags,
            f"-Wl,-rpath,{library.parent}")
        merge_example.check(folder / "merge_c")
        shown = [line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()]
        assert shown and all(name.startswith("ckmerge_") for name in shown), shown
    print(f"{len(headers)} headers, {sum(1 for file in prefix.rglob('*') if file.is_file())} files installed")
