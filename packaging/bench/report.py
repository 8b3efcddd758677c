"""The table: what was measured of both, the ratio, and the budget that the design sets. Nothing here fails."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

Row = tuple[str, str, str, str, str]


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    rows: list[Row] = [("what", "nbhostd", "JupyterHub", "ratio", "budget")]
    for part, rows_of in (("cold", _cold), ("crowd", _crowd), ("many", _many), ("proxy", _proxy)):
        if part in results:
            rows.extend(rows_of(results[part]))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    before, after = results["load_before"][0], results["load_after"][0]
    lines.append(f"\n{results['cores']} cores, load {before:.1f} before and {after:.1f} after; {versions}.\n")
    return "\n".join(lines)


def _kept(kept: bool) -> str:
    return "kept" if kept else "NOT kept"


def _cold(part: dict[str, Any]) -> Iterator[Row]:
    mine, theirs = (median(part[side]["seconds"]) for side in ("nbhostd", "jupyterhub"))
    ratio = mine / theirs
    yield "cold start", f"{mine:.2f} s", f"{theirs:.2f} s", f"{ratio:.2f}", f"≤ 0.3: {_kept(ratio <= 0.3)}"


def _crowd(part: dict[str, Any]) -> Iterator[Row]:
    mine, theirs = part["nbhostd"], part["jupyterhub"]
    count = mine["students"]
    for key, name, budget in (("all", "all ready", 10), ("median", "median", 5), ("first", "first", 1)):
        yield (
            f"{count} at once, {name}", f"{mine[key]:.1f} s", f"{theirs[key]:.1f} s", f"{mine[key] / theirs[key]:.2f}",
            f"≤ {budget} s: {_kept(mine[key] <= budget)}",
        )  # fmt: skip
    ratio = mine["unshared"] / theirs["unshared"]
    yield (
        "memory of an idle workspace, unshared", f"{mine['unshared'] / 2**20:.0f} MiB",
        f"{theirs['unshared'] / 2**20:.0f} MiB", f"{ratio:.2f}", f"≤ 0.55: {_kept(ratio <= 0.55)}",
    )  # fmt: skip


def _many(part: dict[str, Any]) -> Iterator[Row]:
    before, after = part["before"], part["after"]
    known = f"{after['known']} known workspaces"
    size = after["resident"]
    yield (
        f"daemon's memory with {known}", f"{size / 1e6:.0f} MB ({before['resident'] / 1e6:.0f} MB without)", "", "",
        f"< 150 MB: {_kept(size < 150e6)}",
    )  # fmt: skip
    yield (
        f"cold start with {known}", f"{after['opening']:.2f} s ({before['opening']:.2f} s without)", "",
        "", "O(1)",
    )  # fmt: skip


def _proxy(part: dict[str, Any]) -> Iterator[Row]:
    small = part["small"]
    ratio = small["nbhostd"]["rate"] / small["jupyterhub"]["rate"]
    for kind, name, unit in (
        ("small", "proxy, 100 bytes", "requests/s"),
        ("large", "proxy, 1 MB", "MB/s"),
        ("websocket", "proxy, WebSocket echo", "messages/s"),
    ):
        mine, theirs = part[kind]["nbhostd"], part[kind]["jupyterhub"]
        key, scale = ("bytes", 1e6) if kind == "large" else ("rate", 1)
        ratio = mine[key] / theirs[key]
        yield (
            name, f"{mine[key] / scale:.0f} {unit}", f"{theirs[key] / scale:.0f} {unit}", f"{ratio:.2f}",
            f"≥ 1.5: {_kept(ratio >= 1.5)}" if kind == "small" else "",
        )  # fmt: skip
        yield (
            f"{name}, p99", f"{mine['p99']:.1f} ms", f"{theirs['p99']:.1f} ms", f"{mine['p99'] / theirs['p99']:.2f}",
            f"≤ 1: {_kept(mine['p99'] <= theirs['p99'])}" if kind == "small" else "",
        )  # fmt: skip
        yield (
            f"{name}, processor time of 1000", f"{mine['cpu']:.3f} s", f"{theirs['cpu']:.3f} s",
            f"{mine['cpu'] / theirs['cpu']:.2f}", "",
        )  # fmt: skip
