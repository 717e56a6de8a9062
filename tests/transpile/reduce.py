"""Makes a program smaller as long as it still shows what it showed.

    reduce(text, shows) -> the smallest found; shows(text) -> bool is asked some hundred times

Delta debugging over lines: halves, quarters ... single lines are left out, a block's header with its block or
without it (the block then moves to the left), until nothing can go.
"""


def indent(line):
    return len(line) - len(line.lstrip())


def block_end(lines, start):
    """After the last line that is deeper than line `start`."""
    end = start + 1
    while end < len(lines) and indent(lines[end]) > indent(lines[start]):
        end += 1
    return end


def without_header(lines, start):
    """The block of the header at `start` in the header's place."""
    end = block_end(lines, start)
    by = indent(lines[start + 1]) - indent(lines[start]) if end > start + 1 else 0
    return lines[:start] + [line[by:] for line in lines[start + 1 : end]] + lines[end:]


def smaller(lines):
    """Programs with less, the smallest first."""
    size = len(lines)
    chunk = size // 2
    while chunk >= 1:
        for start in range(size - chunk, -1, -chunk):
            yield lines[:start] + lines[start + chunk :]
        chunk //= 2
    for start in range(size - 1, -1, -1):
        end = block_end(lines, start)
        if end > start + 1:
            yield lines[:start] + lines[end:]
            yield without_header(lines, start)
            yield lines[: start + 1] + [" " * indent(lines[start + 1]) + "pass"] + lines[end:]


def reduce(text, shows, tries=600):
    lines = text.splitlines()
    found = True
    while found and tries > 0:
        found = False
        for candidate in smaller(lines):
            if len(candidate) > len(lines) or candidate == lines:
                continue
            tries -= 1
            if tries <= 0:
                break
            if shows("\n".join(candidate) + "\n"):
                lines, found = candidate, True
                break
    return "\n".join(lines) + "\n"
