# SPDX-License-Identifier: Apache-2.0
"""Every public function has a unit test and a row in docs/CONCURRENCY.md."""

import re

DOCUMENT = "docs/CONCURRENCY.md"
FUNCTION = re.compile(r"\bAKIN_API\b[^;{]*?\b(akin_\w+)\s*\(")


def check(tree):
    problems = []
    tests = " ".join(file.code for file in tree.files("verify/unit") if "_test." in file.name)
    called = set(re.findall(r"\bakin_\w+", tests))
    rows = ""
    if tree.has(DOCUMENT):
        rows = "\n".join(line for line in tree.file(DOCUMENT).lines if line.startswith("|"))
    described = set(re.findall(r"`(akin_\w+)(?:\(\))?`", rows))
    for file in tree.files("kernel/include", suffixes=(".h",)):
        for match in FUNCTION.finditer(file.code):
            name = match.group(1)
            if name not in called:
                problems.append(f"{file.path}: {name} is in no verify/unit/*_test.c")
            if name not in described:
                problems.append(f"{file.path}: {name} is in no table row of {DOCUMENT}")
    return problems
