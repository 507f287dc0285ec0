"""What came out, as a table."""


class Row:
    """One figure. `measured` is compared with `target` by `better`: 'high', 'low', or None (no target)."""

    def __init__(self, figure, measured, target=None, better=None, unit="", digits=2, note=""):
        self.figure, self.measured, self.target = figure, measured, target
        self.better, self.unit, self.digits, self.note = better, unit, digits, note

    def ratio(self):
        """1 or more: reached."""
        if self.better is None or not self.measured or not self.target:
            return None
        return self.measured / self.target if self.better == "high" else self.target / self.measured

    def cells(self):
        ratio = self.ratio()
        number = "{:,.%df}" % self.digits
        unit = " " + self.unit if self.unit else ""
        target = ""
        if self.better:
            target = ("≥ " if self.better == "high" else "≤ ") + "{:,g}".format(self.target) + unit
        verdict = "" if ratio is None else "%.2f %s" % (ratio, "ok" if ratio >= 1 else "**short**")
        return [self.figure, target, number.format(self.measured) + unit, verdict, self.note]


HEAD = ["figure", "target", "measured", "reached", "how"]


def render(head, lines):
    """A Markdown table, padded so that it reads well in a terminal too."""
    lines = [[str(cell) for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in [head] + lines) for i in range(len(head))]

    def one(cells):
        return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths)) + " |"
    return "\n".join([one(head), "|" + "|".join("-" * (w + 2) for w in widths) + "|"]
                     + [one(line) for line in lines])


def replace_section(text, name, body):
    """Puts `body` between the marks of a section of a document."""
    begin, end = "<!-- %s: begin -->" % name, "<!-- %s: end -->" % name
    head, found, rest = text.partition(begin)
    if not found or end not in rest:
        raise ValueError("no section %s between marks" % name)
    return head + begin + "\n" + body.rstrip() + "\n" + end + rest.partition(end)[2]
