"""What the benchmarks of the runtime share: medians, and the table."""

import statistics

OURS = "mosaic"


def medians(samples):
    return {name: {party: statistics.median(values) for party, values in of.items()} for name, of in samples.items()}


def shown(value, unit):
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms")):
            if value * factor >= 1:
                return f"{value * factor:.3g} {name}"
        return f"{value * 1e6:.3g} µs"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def table(rows, figures, names):
    """Markdown: the figures by name and party. A row has a figure's name, a label, a unit, and whether more is better.

    Behind each figure: how many times better ours is.
    """
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for name, label, unit, more_is_better in rows:
        of = figures.get(name, {})
        cells = []
        for party in names:
            if party not in of:
                cells.append("-")
                continue
            cell = shown(of[party], unit)
            if party != OURS and of.get(OURS) and of[party]:
                ratio = of[OURS] / of[party] if more_is_better else of[party] / of[OURS]
                cell += f" ({ratio:.2g})" if ratio < 10 else f" ({ratio:,.0f})"
            cells.append(cell)
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)
