# SPDX-License-Identifier: Apache-2.0
"""SYNC tags: each ordering access has a partner in the sources, and a row in the document."""

import re

DOCUMENT = "docs/CONCURRENCY.md"
TAG = re.compile(r"SYNC\(([^)\s]*)\)")
NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
ROW = re.compile(r"^\| `([a-z0-9_]+(?:\.[a-z0-9_]+)+)` \|")


def check(tree):
    problems = []
    internal, public = {}, {}
    for file in tree.files("kernel"):
        is_public = file.path.startswith("kernel/include/")
        for number, line in enumerate(file.lines, 1):
            for match in TAG.finditer(line):
                tag, where = match.group(1), f"{file.path}:{number}"
                if not NAME.match(tag):
                    problems.append(f"{where}: SYNC({tag}): a tag is written object.step")
                (public if is_public else internal).setdefault(tag, []).append(where)
    rows = rows_of(tree, problems)
    for tag, places in sorted(internal.items()):
        if len(places) < 2:
            problems.append(f"{places[0]}: SYNC({tag}) has one side only; its partner has no tag")
        if tag not in rows:
            problems.append(f"{places[0]}: SYNC({tag}) has no row in {DOCUMENT}")
    # Documentation names a step but is not a side of it.
    for tag, places in sorted(public.items()):
        if tag not in internal:
            problems.append(f"{places[0]}: SYNC({tag}) is in no source of the kernel")
    for tag, number in sorted(rows.items()):
        if tag not in internal:
            problems.append(f"{DOCUMENT}:{number}: `{tag}` is in no source of the kernel")
    return problems


def rows_of(tree, problems):
    rows = {}
    if not tree.has(DOCUMENT):
        problems.append(f"{DOCUMENT}: missing")
        return rows
    for number, line in enumerate(tree.file(DOCUMENT).lines, 1):
        match = ROW.match(line)
        if not match:
            continue
        if match.group(1) in rows:
            problems.append(f"{DOCUMENT}:{number}: `{match.group(1)}` has two rows")
        rows[match.group(1)] = number
    return rows
