# SPDX-License-Identifier: Apache-2.0
"""CMake names every source; suppressions stay in bounds; the README shows the example as it is."""

import os
import re

# Rooms whose CMakeLists.txt must name every source below it.
ROOMS = ("kernel", "simd", "cli", "verify", "stress", "proptest", "bench", "examples")
SUPPRESSIONS = "verify/tsan.supp"
SUPPRESSION = re.compile(r"called_from_lib:liburcu-(cds|bp)\.so$")
EXAMPLE = "examples/quickstart.c"
MARK = "<!-- examples/quickstart.c -->"


def check(tree):
    return list(listing(tree)) + list(suppressions(tree)) + list(readme(tree))


def listing(tree):
    for file in tree.files(*ROOMS, suffixes=(".c", ".cpp")):
        directory = os.path.dirname(file.path)
        while directory and not tree.has(f"{directory}/CMakeLists.txt"):
            directory = os.path.dirname(directory)
        listed = f"{directory}/CMakeLists.txt" if directory else "CMakeLists.txt"
        name = os.path.relpath(file.path, directory or ".")
        if listed not in tree.paths or not is_named(tree.file(listed), name):
            yield f"{file.path}: not named in {listed}"


def is_named(listing_file, name):
    text = "\n".join(line.split("#")[0] for line in listing_file.lines)
    stem, suffix = (re.escape(part) for part in os.path.splitext(name))
    return re.search(rf"(?<![\w./-]){stem}(?:{suffix})?(?![\w./-])", text) is not None


def suppressions(tree):
    if not tree.has(SUPPRESSIONS):
        return
    reason = False
    for number, line in enumerate(tree.file(SUPPRESSIONS).lines, 1):
        where = f"{SUPPRESSIONS}:{number}"
        if line.startswith("#"):
            reason = True
        elif line and not SUPPRESSION.match(line):
            yield f"{where}: only called_from_lib:liburcu-cds.so and -bp.so may be suppressed"
        elif line and not reason:
            yield f"{where}: a suppression has its reason in a comment above it"
        else:
            reason = reason and not line


def readme(tree):
    if not tree.has(EXAMPLE):
        return
    example = tree.file(EXAMPLE)
    if len(example.lines) - 1 >= 60:
        yield f"{EXAMPLE}: {len(example.lines) - 1} lines; it shall stay under 60"
    text = tree.file("README.md").text if tree.has("README.md") else ""
    match = re.search(re.escape(MARK) + r"\n```c\n(.*?)```\n", text, re.S)
    if not match:
        yield f"README.md: no {MARK} followed by a C block"
    elif match.group(1) != example.text:
        yield f"README.md: the block after {MARK} differs from {EXAMPLE}"
