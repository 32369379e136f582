# SPDX-License-Identifier: Apache-2.0
"""Atomics and the two concurrency libraries stay in their rooms."""

import re

# Files outside kernel/sync that may see liburcu, each with its reason in its head comment.
URCU_FILES = {"kernel/sync/rcu.c", "kernel/store/key_map.c"}

WORDS = [
    (re.compile(r"\batomic_(thread|signal)_fence\b"), "bare fence"),
    (re.compile(r"\b__atomic_\w+"), "compiler atomic"),
    (re.compile(r"\b__sync_\w+"), "compiler atomic"),
    (re.compile(r"\b_Atomic\b"), "atomic type"),
    (re.compile(r"\bvolatile\b|\b__volatile__\b"), "volatile"),
]
# The one thing a signal handler may write; the command needs it, the kernel has no handlers.
SIGNAL_FLAG = re.compile(r"\bvolatile\s+sig_atomic_t\b")


def check(tree):
    problems = []
    for file in tree.files("kernel", "cli"):
        if not file.path.startswith("kernel/sync/"):
            problems += words(file)
        for line, name, _ in file.includes():
            fault = include_fault(file.path, name)
            if fault:
                problems.append(f"{file.path}:{line}: {fault}")
    return problems


def words(file):
    code = file.code
    if file.path.startswith("cli/"):
        code = SIGNAL_FLAG.sub("", code)
    for number, text in enumerate(code.split("\n"), 1):
        for pattern, what in WORDS:
            if pattern.search(text):
                yield f"{file.path}:{number}: {what}: only kernel/sync may use it"


def include_fault(path, name):
    in_sync = path.startswith("kernel/sync/")
    if name in ("stdatomic.h", "threads.h") and not in_sync:
        return f"<{name}>: only kernel/sync may include it"
    if re.match(r"(gcc/)?ck_\w+\.h$", name) and not in_sync:
        return f"<{name}>: Concurrency Kit is included in kernel/sync only"
    if re.match(r"urcu([-.].*|/.*)$", name) and path not in URCU_FILES:
        return f"<{name}>: liburcu is included in {' and '.join(sorted(URCU_FILES))} only"
    return None
