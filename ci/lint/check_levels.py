# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: inside the kernel downward only, outside it what each room may see."""

import os

LEVELS = {"base": 0, "sync": 1, "store": 2, "quant": 2, "graph": 3, "search": 4, "update": 5,
          "maintain": 5, "index": 6}
# What a public header may need of the C library.
PUBLIC_SYSTEM = {"stddef.h", "stdint.h", "stdbool.h", "limits.h", "float.h"}


def check(tree):
    problems = []
    for file in tree.files("kernel", "simd", "cli", "examples"):
        for line, name, quoted in file.includes():
            fault = fault_of(tree, file.path, name, quoted)
            if fault:
                problems.append(f"{file.path}:{line}: {fault}")
    return problems


def fault_of(tree, path, name, quoted):
    """What is wrong with this include, or None."""
    parts = path.split("/")
    if ".." in name.split("/"):
        return f'"{name}": no path upward'
    if parts[0] == "kernel":
        if parts[1] == "include":
            return public_fault(name, quoted)
        return kernel_fault(parts[1], name, quoted)
    if not quoted:
        first = name.split("/")[0]
        if first in LEVELS or first in ("simd", "akin", "cli", "kernel"):
            return f"<{name}>: our own headers are quoted"
        return None
    beside = tree.has(os.path.join(os.path.dirname(path), name))
    first = name.split("/")[0]
    allowed = {"simd": {"simd"}, "cli": {"akin", "cli"}, "examples": {"akin"}}[parts[0]]
    if first in allowed and "/" in name or beside:
        return None
    return f'"{name}": {parts[0]} may include only {" and ".join(sorted(allowed))}'


def public_fault(name, quoted):
    if quoted and name.startswith("akin/"):
        return None
    if not quoted and name in PUBLIC_SYSTEM:
        return None
    return f"{name}: a public header may include akin/ and {', '.join(sorted(PUBLIC_SYSTEM))}"


def kernel_fault(room, name, quoted):
    if room not in LEVELS:
        return f"kernel/{room} is not a room; add it to ci/lint/check_levels.py with its level"
    target = name.split("/")[0] if "/" in name else ""
    if not quoted:
        return f"<{name}>: our own headers are quoted" if target in LEVELS else None
    if target in ("akin", "simd"):
        return None
    if target not in LEVELS:
        return f'"{name}": write it as "room/file.h"'
    if target == room or LEVELS[target] < LEVELS[room]:
        return None
    direction = "upward" if LEVELS[target] > LEVELS[room] else "sideways"
    return f'"{name}": {direction}, from {room} ({LEVELS[room]}) to {target} ({LEVELS[target]})'
