"""A plot of numbers over time, as an SVG file."""

WIDTH, HEIGHT, LEFT, TOP = 900, 130, 170, 30
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e"]


def write_plot(path, samples):
    """Writes one panel for each quantity, with one line for each subject. `samples` are (seconds, …, numbers)."""
    panels = {}
    for seconds, _, numbers in samples:
        for (subject, quantity), number in numbers.items():
            panels.setdefault(quantity, {}).setdefault(subject, []).append((seconds, number))
    longest = max(seconds for seconds, *_ in samples) or 1
    height = TOP + len(panels) * (HEIGHT + TOP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}" font-size="12"']
    parts.append(' font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>')
    for index, (quantity, lines) in enumerate(sorted(panels.items())):
        parts.append(_panel(quantity, lines, longest, TOP + index * (HEIGHT + TOP)))
    path.write_text("".join(parts) + "</svg>\n")


def _panel(quantity, lines, longest, top):
    most = max(number for line in lines.values() for _, number in line) or 1
    parts = [f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>']
    parts.append(f'<text x="5" y="{top + 12}">{quantity}, up to {most:.0f}</text>')
    parts.append(f'<text x="{LEFT + WIDTH}" y="{top + HEIGHT + 13}" text-anchor="end">{longest:.0f} s</text>')
    for index, (subject, line) in enumerate(sorted(lines.items())):
        colour = COLOURS[index % len(COLOURS)]
        points = " ".join(
            f"{LEFT + WIDTH * seconds / longest:.1f},{top + HEIGHT * (1 - number / most):.1f}" for seconds, number in line
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        parts.append(f'<text x="15" y="{top + 30 + 15 * index}" fill="{colour}">{subject}: {line[-1][1]:.0f}</text>')
    return "".join(parts)
