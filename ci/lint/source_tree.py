# SPDX-License-Identifier: Apache-2.0
"""The files that the checks look at, and C text without its comments."""

import os
import re
import subprocess

C_SUFFIXES = (".c", ".h")
CODE_SUFFIXES = (".c", ".h", ".cpp", ".hpp")
# A tree without git, such as an unpacked archive, is walked; these directories are not part of it.
UNTRACKED = {".git", "build", "out", "__pycache__", ".cache"}


class SourceFile:
    """One text file: its path from the root, its lines, and for C its text without comments."""

    def __init__(self, root, path):
        self.path = path
        self.name = os.path.basename(path)
        self.suffix = os.path.splitext(path)[1]
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            self.text = file.read()
        self.lines = self.text.split("\n")
        self._code = None
        self._code_with_strings = None

    @property
    def code(self):
        """C text with comments and the content of strings blanked; line numbers stay."""
        if self._code is None:
            self._code = blank(self.text, strings=True)
        return self._code

    @property
    def code_with_strings(self):
        """C text with comments blanked and strings kept, for includes."""
        if self._code_with_strings is None:
            self._code_with_strings = blank(self.text, strings=False)
        return self._code_with_strings

    def includes(self):
        """(line number, name, quoted) of every include."""
        pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)
        code = self.code_with_strings
        for match in pattern.finditer(code):
            yield line_of(code, match.start()), match.group(2), match.group(1) == '"'


def line_of(text, offset):
    """The 1-based line of an offset."""
    return text.count("\n", 0, offset) + 1


LEXEMES = re.compile(
    r"//(?:\\\n|[^\n])*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def blank(text, strings):
    """Replace comments, and on request the content of strings, by spaces."""

    def replace(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[-1] if strings else token
        return re.sub(r"[^\n]", " ", token)

    return LEXEMES.sub(replace, text)


class Tree:
    """All files of the project, tracked or not yet, that git does not ignore."""

    def __init__(self, root):
        self.root = os.path.abspath(root)
        self._files = {}
        self.paths = sorted(path for path in self._list() if self._is_present(path))

    def _list(self):
        try:
            listed = subprocess.run(
                ["git", "-C", self.root, "ls-files", "-z", "--cached", "--others",
                 "--exclude-standard"], capture_output=True, check=True)
            top = subprocess.run(["git", "-C", self.root, "rev-parse", "--show-toplevel"],
                                 capture_output=True, check=True, text=True).stdout.strip()
            if os.path.realpath(top) == os.path.realpath(self.root):
                return [name for name in listed.stdout.decode().split("\0") if name]
        except (OSError, subprocess.CalledProcessError):
            pass
        found = []
        for directory, names, files in os.walk(self.root):
            names[:] = [name for name in names if name not in UNTRACKED]
            found += [os.path.relpath(os.path.join(directory, name), self.root) for name in files]
        return found

    def _is_present(self, path):
        return os.path.isfile(os.path.join(self.root, path))

    def has(self, path):
        return path in self.paths

    def file(self, path):
        if path not in self._files:
            self._files[path] = SourceFile(self.root, path)
        return self._files[path]

    def files(self, *rooms, suffixes=CODE_SUFFIXES):
        """Files below the rooms (all rooms if none is named) with one of the suffixes."""
        for path in self.paths:
            if rooms and not any(path.startswith(room + "/") for room in rooms):
                continue
            if path.endswith(suffixes):
                yield self.file(path)
