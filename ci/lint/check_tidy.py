# SPDX-License-Identifier: Apache-2.0
"""House style that a machine can see: sizes, blanks, forbidden calls, license, guards, names."""

import collections
import re

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 700

SCRIPT_SUFFIXES = (".py", ".sh", ".bash", ".bats", ".cmake")
TEXT_SUFFIXES = SCRIPT_SUFFIXES + (".md", ".json", ".in", ".txt", ".pml", ".supp")
# Names that may occur in every directory.
COMMON_NAMES = {"CMakeLists.txt", "README.md", ".gitignore", ".gitkeep"}

# The only file of the kernel that calls the C library's allocator.
ALLOCATOR_FILE = "kernel/base/alloc.c"

# Not preceded by "." or "->": a member of that name is not the C library's function.
CALL = r"(?<![\w.>])({})\s*\("
ALLOCATION = re.compile(CALL.format("malloc|calloc|realloc|free|aligned_alloc|posix_memalign|"
                                    "strdup|strndup|reallocarray"))
VOICE = re.compile(CALL.format("printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror|abort|"
                               "exit|_exit|_Exit|quick_exit|assert"))
# Written in two parts, or this file would be its own first finding.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
WORKPLACE = re.compile("/" + r"work/")
SPDX = "SPDX-License-" + "Identifier: Apache-2.0"


def check(tree):
    problems = []
    for path in tree.paths:
        if is_text(tree, path):
            problems += text_problems(tree.file(path))
    for file in tree.files():
        problems += code_problems(file)
    problems += name_problems(tree)
    return problems


def is_text(tree, path):
    if path.endswith((".c", ".h", ".cpp", ".hpp") + TEXT_SUFFIXES):
        return True
    return path.startswith((".ci/", "ci/")) and "." not in path.rsplit("/", 1)[1]


def text_problems(file):
    is_prose = file.suffix in (".md", ".in")
    for number, line in enumerate(file.lines, 1):
        where = f"{file.path}:{number}"
        if len(line) > COLUMNS_MAX and file.suffix not in (".md", ".json"):
            yield f"{where}: {len(line)} columns, at most {COLUMNS_MAX}"
        if "\t" in line:
            yield f"{where}: tab"
        if line != line.rstrip():
            yield f"{where}: blank at the end of the line"
        if UNFINISHED.search(line):
            yield f"{where}: unfinished work is not merged"
        if WORKPLACE.search(line):
            yield f"{where}: a path of somebody's machine"
    if file.text and not file.text.endswith("\n"):
        yield f"{file.path}: no line end at the end of the file"
    if file.text.endswith("\n\n"):
        yield f"{file.path}: blank lines at the end of the file"
    if not is_prose and file.suffix != ".json" and file.name != "packages.txt":
        if not any(SPDX in line for line in file.lines[:3]):
            yield f"{file.path}: no SPDX line at the top"


def code_problems(file):
    if len(file.lines) - 1 > FILE_LINES_MAX:
        yield f"{file.path}: {len(file.lines) - 1} lines, at most {FILE_LINES_MAX}"
    code_lines = file.code.split("\n")
    for number, line in enumerate(code_lines, 1):
        where = f"{file.path}:{number}"
        if re.match(r"\s*#\s*if\s+0\b", line):
            yield f"{where}: code switched off is deleted"
        if file.path.startswith("kernel/") and file.path != ALLOCATOR_FILE:
            for match in ALLOCATION.finditer(line):
                yield f"{where}: {match.group(1)}: memory comes from the hooks, {ALLOCATOR_FILE}"
        if file.path.startswith(("kernel/", "simd/")):
            for match in VOICE.finditer(line):
                yield f"{where}: {match.group(1)}: the library neither speaks nor stops the program"
    if file.suffix in (".c", ".h"):
        yield from function_problems(file, code_lines)
    if file.suffix in (".h", ".hpp"):
        yield from guard_problems(file)


def function_problems(file, code_lines):
    """clang-format puts the braces of functions, and of nothing else, alone in the first column."""
    start = None
    for number, line in enumerate(code_lines, 1):
        if line.rstrip() == "{" and start is None:
            start = number
            while start > 1 and re.match(r"[^\s#}]|\s+\S", code_lines[start - 2]) \
                    and not code_lines[start - 2].rstrip().endswith((";", "}")):
                start -= 1
        elif line.rstrip() == "}" and start is not None:
            length = number - start + 1
            if length > FUNCTION_LINES_MAX:
                yield (f"{file.path}:{start}: a function of {length} lines, "
                       f"at most {FUNCTION_LINES_MAX}")
            start = None


def guard_of(path):
    """AKIN_ and the path as one includes it: kernel/base/limits.h is AKIN_BASE_LIMITS_H."""
    for prefix in ("kernel/include/akin/", "kernel/"):
        if path.startswith(prefix):
            path = path[len(prefix):]
            break
    return "AKIN_" + re.sub(r"[^A-Z0-9]", "_", path.upper())


def guard_problems(file):
    guard = guard_of(file.path)
    code = file.code_with_strings.strip()
    opening = re.match(r"#ifndef (\w+)\n#define (\w+)\n", code)
    if not opening or not code.endswith("#endif"):
        yield f"{file.path}: no include guard round the whole file; expected {guard}"
    elif opening.group(1) != guard or opening.group(2) != guard:
        yield f"{file.path}: include guard {opening.group(1)}, expected {guard}"


def name_problems(tree):
    places = collections.defaultdict(list)
    for path in tree.paths:
        name = path.rsplit("/", 1)[-1]
        if name not in COMMON_NAMES:
            places[name].append(path)
    for name, paths in sorted(places.items()):
        if len(paths) > 1:
            yield f"{name}: the name occurs {len(paths)} times: {', '.join(paths)}"
