"""Makes a course's static site, in a container of the course's image; the site leaves as a tar archive on standard output.

Called with one argument, JSON: {"directory", "script", "result", "entry"}, as the course's nbhosting.yaml has them.
Everything that the script says goes to standard error, which is the job's log. Exit status: 0, or 1 with a sentence.
"""

import errno
import io
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path("/srv/course")
HOME = Path("/home/jovyan")

# Sites are served in a sandbox, where a browser refuses storage and cookies by raising an error; the scripts of the usual
# themes do not expect that and stop half-way (no search, two search fields). They get a storage that lasts as long as the page.
STORAGE = b"""<script>try{localStorage}catch(e){for(const n of["localStorage","sessionStorage"]){const m=new Map;\
Object.defineProperty(window,n,{configurable:true,value:{getItem:k=>m.get(String(k))??null,\
setItem(k,v){m.set(String(k),String(v))},removeItem(k){m.delete(String(k))},clear(){m.clear()},\
key:i=>[...m.keys()][i]??null,get length(){return m.size}}})}\
Object.defineProperty(document,"cookie",{configurable:true,get:()=>"",set(){}})}</script>"""
HEAD = re.compile(rb"<head(?:\s[^>]*)?>", re.I)


def say(text: str) -> None:
    """Write one line of the log."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """End with a sentence."""
    say(f"error: {text}")
    sys.exit(1)


def environment(home: Path, work: Path) -> dict[str, str]:
    """Make a virtual environment over the image's, which cannot be written to, and say how it is used.

    `pip install` in the script puts packages there; pip leaves alone what is outside of it. PYTHONPATH is for programs
    of the image itself (jupyter, sphinx-build …), which shall find them too.
    """
    place = home / ".site"
    venv.EnvBuilder(symlinks=True, with_pip=False).create(place)
    packages = next(place.glob("lib/python3*/site-packages"))
    lines = [f"import site; site.addsitedir({known!r})\n" for known in site.getsitepackages()]
    (packages / "image.pth").write_text("".join(lines))
    for name in ("pip", "pip3"):
        program = place / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {place}/bin/python -m pip "$@"\n')
        program.chmod(0o755)
    known = {key: os.environ[key] for key in ("LANG", "LC_ALL", "PIP_INDEX_URL") if os.environ.get(key)}
    return {
        **known,
        "HOME": str(home),
        "PATH": f"{place}/bin:{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(place),
        "PYTHONPATH": f"{work}/modules:{packages}",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_PROGRESS_BAR": "off",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }


def files(top: Path) -> Iterator[Path]:
    """Yield the regular files below a directory; a link to a file counts as that file, one to a directory is left out."""
    for directory, directories, names in os.walk(top):
        directories.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.is_file():
                yield path


def dressed(content: bytes) -> bytes:
    """Return a page with STORAGE as the first of its scripts; one without a head as it is."""
    return HEAD.sub(lambda head: head[0] + STORAGE, content, count=1)


def pack(top: Path, out: int) -> int:
    """Write every file of a directory to a descriptor, as a tar archive, pages dressed; return how many."""
    count = 0
    with (
        os.fdopen(out, "wb") as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in files(top):
            entry = tarfile.TarInfo(path.relative_to(top).as_posix())
            if path.suffix.lower() in (".html", ".htm"):
                page = dressed(path.read_bytes())
                entry.size = len(page)
                tar.addfile(entry, io.BytesIO(page))
            else:
                with path.open("rb") as content:
                    entry.size = os.fstat(content.fileno()).st_size
                    tar.addfile(entry, content)
            count += 1
    return count


def main(argument: str, source: Path = SOURCE, home: Path = HOME) -> None:
    """Copy, run, pack."""
    request = json.loads(argument)
    # The script must not write into the archive.
    out = os.dup(1)
    os.dup2(2, 1)
    work = home / "work"
    shutil.copytree(source, work, symlinks=True)
    variables = environment(home, work)
    place = work / request["directory"]
    if not place.is_dir():
        fail(f"the course has no directory “{request['directory']}”")
    done = subprocess.run(
        ("bash", "-e", "-c", request["script"]),
        cwd=place,
        env=variables,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        fail(f"the script ended with exit status {done.returncode}")
    result = place / request["result"]
    if not result.is_dir():
        fail(f"the script made no directory “{request['result']}”")
    if not (result / request["entry"]).is_file():
        say(f"warning: there is no “{request['entry']}” in “{request['result']}”: it is where readers begin")
    try:
        count = pack(result, out)
    except OSError as error:
        fail("the site is too large" if error.errno == errno.EFBIG else f"the site cannot be read: {error}")
    say(f"the site has {count} files")


if __name__ == "__main__":
    main(sys.argv[1])
