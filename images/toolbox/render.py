"""A student's notebook as one HTML page that stands alone: `render.py '<request JSON>'`, the page on standard output.

Runs in a throw-away container, as the student, and executes nothing: what is shown are the outputs that the notebook
holds. Whatever lies in the notebook may be hostile; the page is served inside a sandbox without scripts, so figures that
only a script would draw are replaced by a sentence.

Request: `notebook` (a path below `work`), and optionally `course` (its name), `date`, `language` (en or fr), `work`,
`tree` (the course's published files). Exit status: 0, or one of those below with the reason on standard error.
"""

from __future__ import annotations

import base64
import html
import json
import mimetypes
import os
import re
import stat
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import jinja2
import jupytext
import nbformat
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # -I leaves it out

from render_page import PAGE, POLICY, SAY, STYLE  # noqa: E402 - found by the line above

try:  # an image made before formulas were set has no such package
    from latex2mathml import exceptions as math_exceptions
    from latex2mathml.converter import convert_to_element
except ImportError:
    convert_to_element = math_exceptions = None

MISSING, UNREADABLE, TOO_LARGE = 3, 4, 5
"""Exit status: there is no such notebook; it is no notebook; it, or its page, is larger than LARGEST."""

LARGEST = 64 << 20
_IMAGE, _IMAGES = 16 << 20, 40 << 20
"""Bytes of one embedded image and of all: whatever goes beyond is left as a link."""
_FORMULA = 4000
_STATIC = "/home/jovyan/static"
_MALFORMED = (
    AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError, jinja2.TemplateError,
    nbformat.ValidationError,
)  # fmt: skip

_SHOWN = (
    "text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "text/plain",
)  # fmt: skip
_SCRIPT = re.compile(r"<script\b[^>]*>.*?(?:</script\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_STYLES = re.compile(r"<style\b[^>]*>.*?(?:</style\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_VISIBLE = re.compile(r"<(?:img|svg|table|video|audio|math)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_IMG = re.compile(r"""(<img\b[^>]*?\ssrc\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_DISPLAY = re.compile(
    r"\A(?:\$\$(.*)\$\$|\\\[(.*)\\\]|(\\begin\{(?!tab|fig|doc)([a-z]+\*?)\}.*\\end\{\4\}))\Z", re.DOTALL
)
_INLINE = re.compile(r"\A(?:\$(.*)\$|\\\((.*)\\\))\Z", re.DOTALL)


class Complaint(Exception):
    """Why there is no page; `status` is what the program ends with."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def read_notebook(path: Path) -> Any:
    """The notebook in a file of any of the three kinds. Raises Complaint."""
    content = _content(path)
    if content is None:
        raise Complaint(MISSING, f"there is no notebook {path.name}")
    if len(content) > LARGEST:
        raise Complaint(TOO_LARGE, "the notebook is too large")
    try:
        text = content.decode()
        if path.suffix == ".ipynb":
            return nbformat.reads(text, as_version=4)
        return jupytext.reads(text, fmt={"extension": path.suffix})
    except (*_MALFORMED, nbformat.reader.NotJSONError, jupytext.formats.JupytextFormatError) as error:
        raise Complaint(UNREADABLE, f"not a notebook: {type(error).__name__}") from error


def _content(path: Path, limit: int = LARGEST) -> bytes | None:
    """The first `limit` bytes of a regular file and one more, None when there is none."""
    try:
        # A pipe or a device would make us wait.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), "rb") as file:
            return file.read(limit + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except (OSError, ValueError):
        return None


class Images:
    """Pictures that lie beside the notebook or in the course's content, as data: URLs, within limits."""

    def __init__(self, folder: Path, roots: tuple[Path, ...]) -> None:
        self._folder = folder
        self._roots = tuple(Path(os.path.realpath(root)) for root in roots)
        self._left = _IMAGES

    def embedded(self, markup: str) -> str:
        """The same HTML with the pictures inside."""
        return _IMG.sub(lambda found: found[1] + self._quoted(found[2]), markup)

    def _quoted(self, source: str) -> str:
        url = html.unescape(source[1:-1])
        return f'"{html.escape(self._data(url) or url)}"'

    def _data(self, url: str) -> str | None:
        name = unquote(re.split(r"[?#]", url, maxsplit=1)[0])
        kind = mimetypes.guess_type(name)[0] or ""
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", url) or not kind.startswith("image/") or "\0" in name:
            return None
        path = Path(os.path.realpath(self._folder / name.removeprefix("/files/").lstrip("/")))
        if not any(path.is_relative_to(root) for root in self._roots):
            return None
        limit = min(_IMAGE, self._left)
        content = _content(path, limit)
        if content is None or len(content) > limit:
            return None
        self._left -= len(content)
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def formula(tex: str, *, display: bool) -> str:
    """A formula as MathML, which browsers set by themselves; its source where it cannot be read."""
    tex = tex.strip()
    source = f'<code class="tex">{html.escape(tex)}</code>'
    if convert_to_element is None or len(tex) > _FORMULA:
        return source
    failures = tuple(kind for kind in vars(math_exceptions).values() if isinstance(kind, type))
    # What the package does not know, or would number from 1 in each formula, means the same under this name.
    known = re.sub(r"\\(begin|end)\{(?:align|aligned|alignedat|split)\}", r"\\\1{align*}", tex)
    try:
        element = convert_to_element(known, display="block" if display else "inline")
    except (*failures, *_MALFORMED, StopIteration, RuntimeError):
        return source
    for part in element.iter():
        # The package writes characters as references, to be unescaped in what it would print.
        part.text = html.unescape(part.text) if part.text else part.text
        if part.tag == "mtd" and "columnalign" in part.attrib:
            part.set("style", f"text-align: {part.get('columnalign')}")
    if display:
        # A wide one scrolls, by keyboard too.
        element.set("tabindex", "0")
    return ElementTree.tostring(element, encoding="unicode")


def formulas(latex: str) -> str:
    """A cell's LaTeX output."""
    text = latex.strip()
    if found := _DISPLAY.match(text):
        return formula(found[1] or found[2] or found[3] or "", display=True)
    if found := _INLINE.match(text):
        # SymPy's outputs stand on a line of their own.
        return formula(found[1] or found[2] or "", display=True)
    return f"<pre>{html.escape(text)}</pre>"


class Words(IPythonRenderer):
    """Markdown with formulas as MathML; headings have the names that links within the notebook use."""

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        name = html.unescape(_TAG.sub("", text)).strip().replace(" ", "-")
        return f'<h{level} id="{html.escape(name)}">{text}</h{level}>\n'

    def block_math(self, body: str) -> str:
        return formula(body, display=True)

    def inline_math(self, body: str) -> str:
        return formula(body, display=False)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True)

    def block_mermaidjs(self, code: str) -> str:
        return f"<pre>{html.escape(code.strip())}</pre>"

    def _embed_image_or_attachment(self, src: str) -> str:
        if src.startswith("attachment:") and src.removeprefix("attachment:") not in self.attachments:
            return ""
        return str(super()._embed_image_or_attachment(src))


def is_only_script(markup: str) -> bool:
    """Whether nothing of this HTML shows without its scripts."""
    if "<script" not in markup.lower():
        return False
    rest = _STYLES.sub("", _SCRIPT.sub("", markup))
    return not _VISIBLE.search(rest) and not _TAG.sub("", rest).strip()


def made_still(notebook: Any, sentence: str) -> None:
    """Have each output show what it can without scripts: a picture of itself, or else a sentence."""
    note = f'<p class="note">{html.escape(sentence)}</p>'
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if cell.cell_type == "code" else []:
            data = output.get("data", {})
            for kind, value in data.items():
                if isinstance(value, list):
                    data[kind] = "".join(value)
            scripted = is_only_script(data.get("text/html", ""))
            if scripted:
                del data["text/html"]
            pictures = any(kind in data for kind in _SHOWN if kind != "text/plain")
            widget = any(kind.startswith("application/vnd.") for kind in data)
            if (scripted or widget) and not pictures:
                data["text/html"] = note


def title_of(notebook: Any, path: Path) -> str:
    """What the notebook calls itself."""
    own = notebook.metadata.get("nbhosting", {})
    title = (own.get("title") if isinstance(own, dict) else None) or notebook.metadata.get("title")
    return title[:300] if isinstance(title, str) and title.strip() else path.stem


def page(request: dict[str, Any]) -> bytes:
    """The whole page. Raises Complaint."""
    work, tree = (
        Path(request.get("work", "/home/jovyan/work")),
        Path(request.get("tree", "/srv/course/current")),
    )
    path = work / request["notebook"]
    language = request.get("language") if request.get("language") in SAY else "en"
    say = SAY[str(language)]
    notebook = read_notebook(path)
    images = Images(path.parent, (work, tree))

    @jinja2.pass_context
    def words(context: Any, source: str) -> str:
        cell = context.get("cell", {})
        renderer = Words(escape=False, attachments=cell.get("attachments") or {})
        return images.embedded(MarkdownWithMath(renderer=renderer).render(source))

    exporter = HTMLExporter(
        extra_loaders=[jinja2.DictLoader({"page.html.j2": PAGE})],
        template_file="page.html.j2",
        filters={
            "words": words,
            "still": lambda markup: images.embedded(_SCRIPT.sub("", markup)),
            "formulas": formulas,
            "base64": lambda text: base64.b64encode(str(text).encode()).decode(),
        },
    )
    exporter.config.NbConvertBase.display_data_priority = list(_SHOWN)
    try:
        made_still(notebook, say["figure"])
        title = title_of(notebook, path)
        about = (say["static"], request.get("course", ""), request["notebook"], request.get("date", ""))
        exporter.environment.globals |= {
            "language": language, "policy": POLICY, "style": STYLE, "say": say, "title": title,
            "about": " · ".join(part for part in about if part),
        }  # fmt: skip
        language_of_code = notebook.metadata.get("language_info", {})
        lexer = language_of_code.get("pygments_lexer") or language_of_code.get("name") or "python3"
        exporter.register_filter("highlight_code", Highlight2HTML(pygments_lexer=lexer, parent=exporter))
        # HTMLExporter's own parses the whole page once more, to write English descriptions of pictures into it.
        text, _ = TemplateExporter.from_notebook_node(exporter, notebook)
    except _MALFORMED as error:
        raise Complaint(UNREADABLE, f"cannot be shown: {type(error).__name__}: {error}") from error
    content = text.encode(errors="replace")
    if len(content) > LARGEST:
        raise Complaint(TOO_LARGE, "the page would be too large")
    return content


def main() -> int:
    """Write the page to standard output; the exit status."""
    request = json.loads(sys.argv[1])
    if "work" not in request and not os.path.lexists(_STATIC):
        # What the student's links to the course's content point to.
        os.symlink(request.get("tree", "/srv/course/current"), _STATIC)
    try:
        content = page(request)
    except Complaint as complaint:
        sys.stderr.write(f"{complaint}\n")
        return complaint.status
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
