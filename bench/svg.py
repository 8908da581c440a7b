"""A plain bar chart as SVG, for the docs: readable on light and on dark paper, on a logarithmic scale where one bar
is more than twenty times another."""

import html
import math

WIDTH, ROW, LEFT, RIGHT, TOP = 760, 34, 250, 90, 64
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1c2421 } .title { font-weight: 600; font-size: 16px }
  .quiet { fill: #5b6762; font-size: 13px } .bar { fill: #9aa8a2 } .ours { fill: #1f7a5c } .line { stroke: #c9d2ce }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8eeeb } .quiet { fill: #a3b0aa } .bar { fill: #5d6b65 } .ours { fill: #4cc39a }
    .line { stroke: #3a4641 } .paper { fill: #151a18 } }
"""


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def scale(values):
    """Where a value ends, 0 to 1, and the lines to draw."""
    low, high = min(values), max(values)
    if high <= 20 * low:
        step = 10 ** math.floor(math.log10(high)) / (2 if high / 10 ** math.floor(math.log10(high)) < 3 else 1)
        return (lambda v: v / high), [step * i for i in range(1, int(high / step) + 1)], ""
    first, last = math.floor(math.log10(low) - 0.2), math.log10(high)
    return (lambda v: (math.log10(v) - first) / (last - first)), [10**e for e in range(first, int(last) + 1)], \
        " (logarithmic)"


def bars(path, title, unit, rows, ours="Alona"):
    """`rows`: name and value; the one that begins with `ours` is marked."""
    at, lines, kind = scale([value for _, value in rows])
    height = TOP + ROW * len(rows) + 34
    long = WIDTH - LEFT - RIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
           f'role="img" aria-label="{html.escape(title)}">', f"<style>{STYLE}</style>",
           f'<rect class="paper" width="{WIDTH}" height="{height}" fill="#fff"/>',
           f'<text class="title" x="16" y="26">{html.escape(title)}</text>',
           f'<text class="quiet" x="16" y="46">{html.escape(unit + kind)}</text>']
    bottom = TOP + ROW * len(rows)
    for value in lines:
        x = LEFT + long * at(value)
        out.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>')
        out.append(f'<text class="quiet" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{value:g}</text>')
    for i, (name, value) in enumerate(rows):
        y = TOP + ROW * i
        mark = "ours" if name.startswith(ours) else "bar"
        wide = max(2, long * at(value))
        out.append(f'<text x="{LEFT - 10}" y="{y + 19}" text-anchor="end">{html.escape(name)}</text>')
        out.append(f'<rect class="{mark}" x="{LEFT}" y="{y + 4}" width="{wide:.1f}" height="{ROW - 12}" rx="3"/>')
        out.append(f'<text x="{LEFT + wide + 8:.1f}" y="{y + 19}">{number(value)}</text>')
    path.write_text("\n".join(out) + "\n</svg>\n")
