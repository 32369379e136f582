# SPDX-License-Identifier: Apache-2.0
"""clang-format 14, the version of Debian 12: other versions format differently."""

import os
import re
import shutil
import subprocess

VERSION = "14"


def formatter():
    """The path of clang-format 14, or None."""
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path:
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
            if re.search(rf"version {VERSION}\.", said.stdout):
                return path
    return None


def check(tree):
    paths = [file.path for file in tree.files()]
    program = formatter()
    if program is None:
        return [f"clang-format {VERSION} is missing; ci/setup installs it"]
    if not paths:
        return []
    command = [program, "--style=file", "--dry-run", "--ferror-limit=3", "-Werror"]
    run = subprocess.run(command + paths, cwd=tree.root, capture_output=True, text=True,
                         check=False)
    if run.returncode == 0:
        return []
    found = re.findall(r"^([^\s:]+):(\d+):\d+: error: .*clang-format", run.stderr, re.M)
    first = {}
    for path, line in found:
        first.setdefault(os.path.normpath(path), line)
    if not first:
        return [line for line in run.stderr.splitlines() if line][:5] or ["clang-format failed"]
    return [f"{path}:{line}: not formatted; {os.path.basename(program)} -i {path}"
            for path, line in first.items()]
