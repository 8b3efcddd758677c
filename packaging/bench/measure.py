"""Inside the throwaway machine, as root: measures nbhostd and JupyterHub in turn, and prints the results as JSON.

Each figure of the one is taken next to the same figure of the other, so that a busy computer is busy for both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import loads  # noqa: E402 - found beside this file
import ours  # noqa: E402
import uvloop  # noqa: E402
from hub import PLACE, Hub  # noqa: E402
from many import many  # noqa: E402

ROUNDS = 3
COLD = 3
KNOWN = 10_000
WARM = 20_000
SECRET = "A" * 22


def say(text: str) -> None:
    """Progress, for the person who waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


# proxies, with the same server behind both


@contextlib.contextmanager
def running(*argv: str, ready: bool = True) -> Iterator[int]:
    """A process for as long as it is needed; its pid."""
    environment = dict(os.environ, PYTHONPATH=str(HERE.parents[1]), PYTHONDONTWRITEBYTECODE="1")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        if ready:
            assert process.stdout.readline() == b"ready\n", argv
        try:
            yield process.pid
        finally:
            process.kill()


async def answers(port: int) -> None:
    """Return when somebody listens there."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)


def warm_up(url: str, seconds: int, pid: int) -> None:
    """Enough requests for Node's compiler to do its best, which takes some ten thousand; a minute at most."""
    count = 0.0
    for _ in range(60 // seconds):
        count += loads.http(url, seconds, pid).rate * seconds
        if count >= WARM:
            return


async def proxies(port: int, seconds: int) -> dict[str, Any]:
    """Small answers, answers of 1 MB, and WebSocket echoes through both proxies, alternating."""
    python = sys.executable
    behind, mine, theirs = port, port + 1, port + 2
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s.sock"
        chp = str(PLACE / "npm/node_modules/.bin/configurable-http-proxy")
        with (
            running(python, str(HERE / "upstream.py"), str(behind), path),
            running(python, str(HERE / "proxy_daemon.py"), str(mine), path, SECRET) as mine_pid,
            running(
                chp, "--ip=127.0.0.1", f"--port={theirs}", f"--api-port={theirs + 1}", "--log-level=error",
                f"--default-target=http://127.0.0.1:{behind}", ready=False,
            ) as theirs_pid,
        ):  # fmt: skip
            await answers(theirs)
            sides = {
                "jupyterhub": (theirs, theirs_pid, "/user/x/"),
                "nbhostd": (mine, mine_pid, f"/w/{SECRET}/"),
            }
            found: dict[str, dict[str, list[loads.Load]]] = {
                kind: {side: [] for side in sides} for kind in ("small", "large", "websocket")
            }
            say("proxies, warming up")
            for at, pid, base in sides.values():
                warm_up(f"http://127.0.0.1:{at}{base}small", seconds, pid)
            for round_ in range(ROUNDS + 1):
                say(f"proxies, round {round_} of {ROUNDS}")
                for kind, results in found.items():
                    for side, (at, pid, base) in sides.items():
                        if kind == "websocket":
                            load = await loads.websocket(at, base + "echo", seconds, pid)
                        else:
                            load = loads.http(f"http://127.0.0.1:{at}{base}{kind}", seconds, pid)
                        if round_:  # the first is for warmth, too
                            results[side].append(load)
    return {
        kind: {side: loads.middle(rounds) for side, rounds in results.items()}
        for kind, results in found.items()
    }


# starts


@contextlib.asynccontextmanager
async def hub_running(port: int) -> AsyncIterator[Hub]:
    """A JupyterHub that has served once (its imports are in the page cache)."""
    hub = Hub(port)
    say("starting JupyterHub")
    await hub.start()
    try:
        await hub.open("warm")
        await hub.close(["warm"])
        yield hub
    finally:
        hub.stop()


def names(kind: str, count: int) -> list[str]:
    """Students that were never here before."""
    run = secrets.token_hex(3)
    return [f"{kind}-{run}-{number}" for number in range(count)]


async def cold(hub: Hub) -> dict[str, Any]:
    """One student at a time, each new: from the click to Jupyter's page."""
    (warm,) = names("warm", 1)
    await ours.open_url(ours.launch_url(warm))
    await ours.stop([warm])
    mine, theirs = [], []
    for student in names("cold", COLD):
        mine.append(await ours.open_url(ours.launch_url(student)))
        await ours.stop([student])
        theirs.append(await hub.open(student))
        await hub.close([student])
        say(f"cold start: nbhostd {mine[-1]:.2f} s, JupyterHub {theirs[-1]:.2f} s")
    return {"nbhostd": {"seconds": mine}, "jupyterhub": {"seconds": theirs}}


def crowd_of(seconds: list[float], memory: list[int]) -> dict[str, Any]:
    """What a crowd's times and memories come to."""
    return {
        "all": max(seconds), "median": median(seconds), "first": min(seconds), "students": len(seconds),
        "unshared": median(memory), "measured": len(memory),
    }  # fmt: skip


async def crowd(hub: Hub, count: int) -> dict[str, Any]:
    """A class that clicks at the same moment, and what its idle servers then keep for themselves."""
    students = names("crowd", count)
    urls = [ours.launch_url(student) for student in students]
    say(f"{count} at once: nbhostd")
    mine = await asyncio.gather(*map(ours.open_url, urls))
    await asyncio.sleep(5)
    numbers = {int(row["number"]) for row in ours.workspaces()}
    kept = ours.unshared(numbers)
    await ours.stop(students)
    say(f"{count} at once: JupyterHub")
    theirs = await asyncio.gather(*map(hub.open, students))
    await asyncio.sleep(5)
    theirs_kept = hub.unshared()
    return {"nbhostd": crowd_of(mine, kept), "jupyterhub": crowd_of(theirs, theirs_kept)}


async def main() -> None:
    """The parts that were asked for, and what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+")
    parser.add_argument("--port", type=int, required=True, help="of nbhostd; the bench uses some above it")
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=5)
    chosen = parser.parse_args()
    results: dict[str, Any] = {
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
        "versions": {
            "python": sys.version.split()[0],
            "aiohttp": version("aiohttp"),
            "jupyterhub": _hub_says("jupyterhub"),
            "jupyterlab": _hub_says("jupyterlab"),
            "configurable-http-proxy": json.loads(
                (PLACE / "npm/node_modules/configurable-http-proxy/package.json").read_text(encoding="utf-8")
            )["version"],
        },
    }
    if "proxy" in chosen.parts:
        results["proxy"] = await proxies(chosen.port + 20, chosen.seconds)
    if {"cold", "crowd"} & set(chosen.parts):
        async with hub_running(chosen.port + 30) as hub:
            if "cold" in chosen.parts:
                results["cold"] = await cold(hub)
            if "crowd" in chosen.parts:
                results["crowd"] = await crowd(hub, chosen.students)
    if "many" in chosen.parts:
        say(f"{KNOWN} known workspaces")
        results["many"] = await many(chosen.port, names("many", 1)[0], KNOWN)
    if {"cold", "crowd", "many"} & set(chosen.parts):
        ours.ctl("course", "delete", ours.COURSE, "--with-workspaces", "--yes")
    results["load_after"] = os.getloadavg()
    print(json.dumps(results))


def _hub_says(package: str) -> str:
    argv = [
        str(PLACE / "hub/bin/python"),
        "-c",
        f"from importlib.metadata import version; print(version('{package}'))",
    ]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    uvloop.run(main())
