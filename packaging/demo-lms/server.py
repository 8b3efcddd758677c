#!/usr/bin/env python3
"""A course's site for trying nbhostd: pages of another site that show notebooks in an iframe, as an LMS does.

    server.py --key-file FILE --nbhostd http://nb.localhost:8000 --course sample [NOTEBOOK …]

Nothing but the standard library: this is also an example of how little an LMS needs. The links in it are
signed as docs/teacher/launch-urls.md says, anew each time a page is shown.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import hmac
import html
import json
import re
import secrets
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

STYLE = Path(__file__).with_name("style.css")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{course}: {title}</title><link rel="stylesheet" href="/style.css">
</head>
<body>
<header><strong>Course site (demonstration)</strong> <span>{course}</span>
<form method="get"><label>Student <input name="student" value="{student}" size="12" pattern="[\\w][\\w.\\-]*"></label>
<button>Change</button></form></header>
<nav aria-label="Notebooks">{links}</nav>
<main><h1>{title}</h1>
<p>This page is on another site than the notebook below, as a course's page is.
<a href="{reset}">Reset to the original</a> · <a href="{classroom}">In a clone of the course</a> ·
<a href="{lab}">JupyterLab</a></p>
<iframe id="notebook" title="Notebook {title}" src="{src}" allow="clipboard-write"></iframe></main>
</body>
</html>
"""


# What opens → the first line that is signed, and the address.
KINDS = {
    "notebook": ("nbhostd-launch-1", "/ipythonExercice/{course}/{what}.ipynb/{student}"),
    "classroom": ("nbhostd-classroom-1", "/notebookGitRepo/{course}/{what}.ipynb/{student}"),
    "page": ("nbhostd-page-1", "/ipythonForward/{course}/{student}/{what}"),
}


def launch_url(
    server: str, key: str, kind: str, course: str, what: str, student: str, reset: bool = False
) -> str:
    """A link that opens a notebook, or a page of Jupyter, for this student, once, within two minutes."""
    first, path = KINDS[kind]
    what = what.removesuffix(".ipynb")
    expires, nonce = str(int(time.time()) + 120), secrets.token_urlsafe(16)
    lines = [first, course, what, student, expires, nonce, "1" if reset else "0"]
    signature = hmac.new(key.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    query = {"expires": expires, "nonce": nonce, "signature": signature} | (
        {"forcecopy": "true"} if reset else {}
    )
    return f"{server}{quote(path.format(course=course, what=what, student=student))}?{urlencode(query)}"


def read_key(file: Path) -> str:
    """The first key of a key file: a line `SECRET` or `ID SECRET`."""
    for line in file.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words:
            return words[-1]
    raise SystemExit(f"{file}: there is no key in it")


Sections = list[tuple[str, list[str]]]


def read_sections(course: str) -> Sections:
    """The course's first track as nbhostctl knows it; all its notebooks in one section when it has none."""
    done = subprocess.run(
        ["nbhostctl", "course", "show", course, "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    for track in json.loads(done.stdout)["settings"]["tracks"][:1]:
        return [(section["name"], section["notebooks"]) for section in track["sections"]]
    tree = Path(f"/var/lib/nbhostd/courses/{course}/public/current").resolve()
    return [(course, sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if is_notebook(path)))]


def is_notebook(path: Path) -> bool:
    """An .ipynb, or a text that jupytext's header makes one."""
    if path.suffix not in (".ipynb", ".md", ".py") or not path.is_file():
        return False
    if path.suffix == ".ipynb":
        return ".ipynb_checkpoints" not in path.parts
    with path.open(encoding="utf-8", errors="replace") as file:
        return "jupytext:" in file.read(1000)


class Site(BaseHTTPRequestHandler):
    """`/` and `/NUMBER`, for the student named in `?student=`.

    `?reset=1` asks for the original back, `?kind=classroom` for the notebook in the student's clone, `?kind=page` for JupyterLab.
    """

    options: argparse.Namespace
    key: str
    sections: Sections
    notebooks: list[str]

    def do_GET(self) -> None:
        """Show the page of one notebook, with a freshly signed link in it."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/style.css":
            self._answer(200, "text/css", STYLE.read_text(encoding="utf-8"))
            return
        number = re.fullmatch(r"/(\d{0,4})", parts.path)
        if number is None or int(number[1] or 1) not in range(1, len(self.notebooks) + 1):
            self._answer(404, "text/plain", "There is no such page.\n")
            return
        self._answer(200, "text/html", self._page(int(number[1] or 1), query))

    def _page(self, number: int, query: dict[str, str]) -> str:
        options, student = self.options, query.get("student") or "alice"
        notebook = self.notebooks[number - 1]
        who = urlencode({"student": student})
        kind = query.get("kind", "notebook")
        what = "lab" if kind == "page" else notebook
        src = launch_url(
            options.nbhostd, self.key, kind if kind in KINDS else "notebook", options.course, what, student,
            bool(query.get("reset")),
        )  # fmt: skip
        values = {
            "course": options.course, "title": notebook, "student": student, "src": src,
            "reset": f"/{number}?{who}&reset=1", "classroom": f"/{number}?{who}&kind=classroom",
            "lab": f"/{number}?{who}&kind=page",
        }  # fmt: skip
        return PAGE.format(
            links=self._links(number, who), **{name: html.escape(value) for name, value in values.items()}
        )

    def _links(self, current: int, who: str) -> str:
        lines, number = [], 0
        for name, notebooks in self.sections:
            items = []
            for notebook in notebooks:
                number += 1
                mark = " aria-current=page" if number == current else ""
                items.append(
                    f'<li><a href="/{number}?{html.escape(who)}"{mark}>{html.escape(notebook)}</a></li>'
                )
            lines.append(f"<h2>{html.escape(name)}</h2><ul>{''.join(items)}</ul>")
        return "".join(lines)

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: links are secrets for as long as they are good."""


def main() -> None:
    """Serve until ended; the address is printed first."""
    parser = argparse.ArgumentParser(description="A course's site for trying nbhostd.")
    parser.add_argument("--key-file", type=Path, required=True, help="file with the launch key")
    parser.add_argument(
        "--nbhostd", required=True, help="nbhostd's address, such as http://nb.localhost:8000"
    )
    parser.add_argument("--course", required=True, help="the course's name there")
    parser.add_argument(
        "--name", default="lms.localhost", help="this site's host name (default: %(default)s)"
    )
    parser.add_argument("--listen", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port (default: any free one)")
    parser.add_argument(
        "notebooks", nargs="*", metavar="NOTEBOOK", help="paths inside the course (default: its first track)"
    )
    options = parser.parse_args()
    options.nbhostd = options.nbhostd.rstrip("/")
    Site.options, Site.key = options, read_key(options.key_file)
    Site.sections = [("", options.notebooks)] if options.notebooks else read_sections(options.course)
    Site.notebooks = [notebook for _, notebooks in Site.sections for notebook in notebooks]
    if not Site.notebooks:
        raise SystemExit(f"{options.course}: there is no notebook in it")
    with ThreadingHTTPServer((options.listen, options.port), Site) as server:
        print(f"http://{options.name}:{server.server_port}/", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
