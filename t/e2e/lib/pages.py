"""The pages of doc/ and the README: their blocks, headings and links."""
import os
import re

from . import gateway, proc

HOST = "# on the host"
"""First line of a block of shell that changes the host: it is not run, its syntax is checked."""


class Block:
    def __init__(self, page, line, kind, text):
        self.page, self.line, self.kind, self.text = page, line, kind, text
        self.first = text.split("\n", 1)[0]
        if kind == "sh" and self.first == HOST:
            self.kind = "host"

    def __str__(self):
        return "%s:%d: %s" % (self.page, self.line, self.first)


class Page:
    """`name` is its path in the source tree."""

    def __init__(self, name):
        self.name = name
        with open(os.path.join(gateway.SOURCE, name)) as f:
            lines = f.read().split("\n")
        self.blocks, self.headings, self.links, self.inline = [], [], [], []
        fence = None
        for number, line in enumerate(lines, 1):
            mark = re.match(r"\s*```\s*(\S*)\s*$", line)
            if mark and fence is None:
                fence = (number, mark.group(1), [])
            elif mark:
                self.blocks.append(Block(name, fence[0], fence[1], "\n".join(fence[2]) + "\n"))
                fence = None
            elif fence is not None:
                fence[2].append(line)
            else:
                proc.check("```" not in line, "%s:%d: a fence within a line" % (name, number))
                if re.match(r"#+ ", line):
                    self.headings.append(line.lstrip("#").strip())
                self.links += re.findall(r"\]\(([^)\s]+)\)", line)
                self.inline += re.findall(r"`([^`]+)`", line)
        proc.check(fence is None, "%s: the block of line %s has no end" % (name, fence and fence[0]))

    def anchors(self):
        """As forges make them of headings."""
        return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in self.headings}


def all_pages():
    names = [os.path.relpath(os.path.join(folder, n), gateway.SOURCE)
             for folder, _, files in os.walk(os.path.join(gateway.SOURCE, "doc")) for n in files if n.endswith(".md")]
    return {name: Page(name) for name in ["README.md"] + sorted(names)}
