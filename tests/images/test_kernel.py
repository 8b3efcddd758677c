"""What a student's code finds in its container, and what it does not."""

from __future__ import annotations

import errno
import textwrap

import pytest

from tests.images.workspace import IMAGE, SECRETS, Workspace

WORKS = {
    "threads": "import threading; t = threading.Thread(target=print, args=('ok',)); t.start(); t.join()",
    "a subprocess": "import subprocess; print(subprocess.run(['echo', 'ok'], capture_output=True, text=True).stdout)",
    "an asynchronous subprocess": """
        import asyncio
        child = await asyncio.create_subprocess_exec('echo', 'ok', stdout=asyncio.subprocess.PIPE)
        print((await child.communicate())[0].decode())""",
    "multiprocessing by fork": """
        import multiprocessing
        with multiprocessing.get_context('fork').Pool(2) as pool:
            print('ok' if pool.map(abs, [-1, -2]) == [1, 2] else 'bad')""",
    "multiprocessing by spawn": """
        import multiprocessing
        with multiprocessing.get_context('spawn').Pool(2) as pool:
            print('ok' if pool.map(abs, [-1, -2]) == [1, 2] else 'bad')""",
    "a queue of processes": """
        import multiprocessing
        q = multiprocessing.get_context('fork').Queue(); q.put('ok'); print(q.get())""",
    "shared memory": """
        from multiprocessing.shared_memory import SharedMemory
        memory = SharedMemory(create=True, size=10); memory.buf[0] = 7; print('ok', memory.buf[0])
        memory.close(); memory.unlink()""",
    "git": """
        import subprocess, tempfile
        where = tempfile.mkdtemp()
        for argv in (['init', '-q'], ['commit', '-q', '--allow-empty', '-m', 'x'], ['log', '--format=%an ok']):
            done = subprocess.run(['git', *argv], cwd=where, capture_output=True, text=True); print(done.stdout, done.stderr)""",
    "a shell": "print(get_ipython().getoutput('bash -lc \"id -u; echo ok\"'))",
    "the loopback": """
        import socket
        server = socket.create_server(('localhost', 0)); client = socket.create_connection(server.getsockname()); print('ok')""",
    "French": """
        import locale, time
        locale.setlocale(locale.LC_ALL, 'fr_FR.UTF-8')
        print('ok' if time.strftime('%B', (2024, 8, 1, 0, 0, 0, 0, 1, 0)) == 'août' else 'bad')
        locale.setlocale(locale.LC_ALL, 'C.UTF-8')""",
    "the course's modules": "import helper; print('ok', helper.ANSWER)",
    "the course's files": "import os; print('ok', os.listdir(os.path.expanduser('~/static')))",
    "its own files": "open('mine.txt', 'w').write('é'); print('ok', open('mine.txt').read())",
    "automatic evaluation's trace": """
        import os
        open(os.environ['NBAUTOEVAL_LOG'], 'a').write('x'); print('ok', os.environ['NBAUTOEVAL_LOG'])""",
    "magics": "%timeit -n1 -r1 pass\nprint('ok')",
    "writing a notebook's text": "import jupytext; print('ok', jupytext.reads('# %%\\n1', 'py:percent').cells[0].source)",
}


@pytest.mark.parametrize("what", WORKS)
async def test_works(workspace: Workspace, what: str) -> None:
    answer = await workspace.run_cell(textwrap.dedent(WORKS[what]).strip())
    assert (answer.error, "ok" in answer.text) == ("", True), answer


@pytest.mark.skipif("scipy" not in IMAGE, reason="the image under test is not scipy-notebook")
async def test_the_science_packages_compute(workspace: Workspace) -> None:
    answer = await workspace.run_cell(
        textwrap.dedent("""
        import ipywidgets, matplotlib.pyplot as plt, numpy, pandas, scipy.linalg, seaborn, sklearn.linear_model, sympy
        a = numpy.random.default_rng(1).random((200, 200))
        assert numpy.allclose(scipy.linalg.inv(a) @ a, numpy.eye(200))
        pandas.DataFrame(a).plot(); plt.savefig('/tmp/figure.png')
        print('ok', sympy.integrate(sympy.Symbol('x')))""")
    )
    assert (answer.error, "ok x**2/2" in answer.text) == ("", True), answer


async def test_no_secret_is_inherited_or_left_in_a_file(workspace: Workspace) -> None:
    """The secrets of the container's first process stay readable to its own user; nothing hands them on."""
    answer = await workspace.run_cell(
        textwrap.dedent("""
        import os, pathlib
        print(dict(os.environ))
        for path in pathlib.Path.home().rglob('*'):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 1e6:
                print(path, path.read_bytes())""")
    )
    assert answer.error == ""
    assert "PYTHONPATH" in answer.text
    assert not [name for name in (*SECRETS, "NBH_", "LISTEN_FDS", "NOTIFY_SOCKET") if name in answer.text], (
        answer.text
    )


@pytest.mark.parametrize(
    "path", ["/etc/x", "/opt/nbhosting/x", "/srv/course/x", "/usr/local/bin/x", "/var/x"]
)
async def test_the_image_and_the_course_cannot_be_written(workspace: Workspace, path: str) -> None:
    answer = await workspace.run_cell(f"open({path!r}, 'w')")
    assert f"[Errno {errno.EROFS}]" in answer.error or f"[Errno {errno.EACCES}]" in answer.error, answer


async def test_no_module_is_compiled_at_a_start(workspace: Workspace) -> None:
    """Every byte-code file fits its source: a read-only image could never mend one that does not."""
    answer = await workspace.run_cell(
        textwrap.dedent("""
        import importlib.util, pathlib, struct, sys
        looked, stale = 0, []
        for top in (f'/opt/nbhosting/lib/python3.{sys.version_info.minor}/site-packages/jupyter_server',
                    '/opt/nbhosting/share/nbhosting', f'/usr/lib/python3.{sys.version_info.minor}/asyncio'):
            for source in pathlib.Path(top).rglob('*.py'):
                looked += 1
                try:
                    head = open(importlib.util.cache_from_source(str(source)), 'rb').read(16)
                except FileNotFoundError:
                    stale.append(source); continue
                magic, flags, mtime, size = struct.unpack('<4sIII', head)
                found = source.stat()
                if magic != importlib.util.MAGIC_NUMBER or flags or (mtime, size) != (int(found.st_mtime), found.st_size):
                    stale.append(source)
        print(looked > 100, stale)""")
    )
    assert (answer.error, answer.text) == ("", "True []\n")


async def test_what_the_rehearsal_kept_fits_this_python_and_these_files(workspace: Workspace) -> None:
    answer = await workspace.run_cell(
        textwrap.dedent("""
        import sys; sys.path.append('/opt/nbhosting/share/nbhosting')
        from nbhosting_launcher import bytecode, regexes
        finder = bytecode._read()
        print(len(regexes._read()) > 300, len(finder._index) > 600)
        print([name for name in finder._index if finder.find_spec(name, None) is None])""")
    )
    assert (answer.error, answer.text) == ("", "True True\n[]\n")


async def test_the_export_formats_are_known_without_loading_the_exporters(workspace: Workspace) -> None:
    answer = await workspace.run_cell(
        textwrap.dedent("""
        import subprocess, sys
        code = ("import sys; from nbhosting_launcher import exporters; "
                "print(sorted(exporters.known())[:2], 'nbconvert.exporters' in sys.modules)")
        done = subprocess.run(['/opt/nbhosting/bin/python', '-I', '-c', code], capture_output=True, text=True)
        print(done.stdout, done.stderr)""")
    )
    assert (answer.error, answer.text.strip()) == ("", "['asciidoc', 'custom'] False")


async def test_what_pip_installed_fits_together(workspace: Workspace) -> None:
    answer = await workspace.run_cell("print(get_ipython().getoutput('pip check'))")
    assert "No broken requirements found." in answer.text
