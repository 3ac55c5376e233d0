#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The word count's spout and bolt on native.py, and what the tests need:

    words.py lib DIR SQUALL     makes DIR/squall-worker, which starts this instead of the one beside SQUALL: SQUALL_LIBDIR=DIR
"""
import os, re, sys


class Lines:
    """A spout: the lines of the file that its setting `path` names."""

    def __init__(self, settings):
        with open(settings["path"], newline="\n") as file:
            self.lines = file.read().splitlines()

    def tuple(self, position):
        return [self.lines[position]] if position < len(self.lines) else None


class Split:
    """A bolt: the words of a line."""

    def __init__(self, settings):
        pass

    def execute(self, values):
        return ([word] for word in values[0].split())


class Numbers:
    """A spout: 0, 1, ..."""

    def __init__(self, settings):
        self.count = int(settings["count"])

    def tuple(self, position):
        return [position] if position < self.count else None


class Pass:
    """A bolt: passes everything on; each thousandth tuple fails once."""

    def __init__(self, settings):
        self.failed = set()

    def execute(self, values):
        if values[0] % 1000 == 999 and values[0] not in self.failed:
            self.failed.add(values[0])
            raise ValueError("not now")
        yield values


def make_library(folder, squall):
    """The supervisor looks for a mark in the program; a shell does not get as far."""
    real, own = os.path.join(os.path.dirname(os.path.abspath(squall)), "squall-worker"), os.path.abspath(__file__)
    with open(real, "rb") as file:
        mark = re.search(rb"@\(#\)squall-worker .{38}", file.read(), re.S).group(0)
    with open(os.path.join(folder, "squall-worker"), "wb") as file:
        file.write(b'#!/bin/sh\nREAL=%s exec %s %s "$@"\n' % tuple(map(os.fsencode, (real, sys.executable, own))) + mark)
    os.chmod(file.name, 0o755)


if __name__ == "__main__":
    if sys.argv[1] == "lib":
        make_library(*sys.argv[2:])
    else:
        import native
        native.main(sys.modules[__name__])
