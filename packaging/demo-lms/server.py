#!/usr/bin/env python3
"""A course's site for trying nbhostd: pages of another site that show notebooks in an iframe, as an LMS does.

    server.py --key FILE --nbhostd http://nb.localhost:8000 --course sample NOTEBOOK …

Nothing but the standard library: this is also an example of how little an LMS needs. The links in it are
signed as docs/teacher/launch-urls.md says, anew each time a page is shown.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import hmac
import html
import re
import secrets
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
<nav aria-label="Notebooks"><ol>{links}</ol></nav>
<main><h1>{title}</h1>
<p>This page is on another site than the notebook below, as a course's page is. <a href="{reset}">Reset to the original</a></p>
<iframe id="notebook" title="Notebook {title}" src="{src}" allow="clipboard-write"></iframe></main>
</body>
</html>
"""


def launch_url(server: str, key: str, course: str, notebook: str, student: str, reset: bool = False) -> str:
    """A link that opens this notebook for this student, once, within two minutes."""
    notebook = notebook.removesuffix(".ipynb")
    expires, nonce = str(int(time.time()) + 120), secrets.token_urlsafe(16)
    lines = ["nbhostd-launch-1", course, notebook, student, expires, nonce, "1" if reset else "0"]
    signature = hmac.new(key.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    query = {"expires": expires, "nonce": nonce, "signature": signature} | (
        {"forcecopy": "true"} if reset else {}
    )
    return f"{server}{quote(f'/ipythonExercice/{course}/{notebook}.ipynb/{student}')}?{urlencode(query)}"


def read_key(file: Path) -> str:
    """The first key of a key file: a line `SECRET` or `ID SECRET`."""
    for line in file.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words:
            return words[-1]
    raise SystemExit(f"{file}: there is no key in it")


class Site(BaseHTTPRequestHandler):
    """`/` and `/NOTEBOOK`, for the student named in `?student=`; `?reset=1` asks for the original back."""

    options: argparse.Namespace
    key: str

    def do_GET(self) -> None:
        """Show the page of one notebook, with a freshly signed link in it."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/style.css":
            self._answer(200, "text/css", STYLE.read_text(encoding="utf-8"))
            return
        notebooks = self.options.notebooks
        number = re.fullmatch(r"/(\d{0,4})", parts.path)
        if number is None or int(number[1] or 1) not in range(1, len(notebooks) + 1):
            self._answer(404, "text/plain", "There is no such page.\n")
            return
        self._answer(200, "text/html", self._page(int(number[1] or 1), query))

    def _page(self, number: int, query: dict[str, str]) -> str:
        options, student = self.options, query.get("student") or "alice"
        notebook = options.notebooks[number - 1]
        who = urlencode({"student": student})
        links = "".join(
            f'<li><a href="/{i}?{html.escape(who)}"{" aria-current=page" if i == number else ""}>{html.escape(name)}</a></li>'
            for i, name in enumerate(options.notebooks, 1)
        )
        src = launch_url(
            options.nbhostd, self.key, options.course, notebook, student, bool(query.get("reset"))
        )
        values = {
            "course": options.course, "title": notebook, "student": student, "src": src,
            "reset": f"/{number}?{who}&reset=1",
        }  # fmt: skip
        return PAGE.format(links=links, **{name: html.escape(value) for name, value in values.items()})

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
    parser.add_argument("--key", type=Path, required=True, help="file with the launch key")
    parser.add_argument(
        "--nbhostd", required=True, help="nbhostd's address, such as http://nb.localhost:8000"
    )
    parser.add_argument("--course", required=True, help="the course's name there")
    parser.add_argument(
        "--name", default="lms.localhost", help="this site's host name (default: %(default)s)"
    )
    parser.add_argument("--listen", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port (default: any free one)")
    parser.add_argument("notebooks", nargs="+", metavar="NOTEBOOK", help="paths inside the course")
    Site.options = parser.parse_args()
    Site.options.nbhostd = Site.options.nbhostd.rstrip("/")
    Site.key = read_key(Site.options.key)
    with ThreadingHTTPServer((Site.options.listen, Site.options.port), Site) as server:
        print(f"http://{Site.options.name}:{server.server_port}/", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
