"""The packages of a lock file, fetched with this machine's own pip and its settings, and served to image builds."""

import hashlib
import os
import platform
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.rig.processes import RigError, run

_MARKER = re.compile(r" ; .*?(?= \\$|$)", re.MULTILINE)


def fetch(lock: Path, cache: Path, *, python: str, glibc: int) -> Path:
    """Return a folder with the lock file's packages for another Python (`3.11`) on glibc 2.`glibc`, checked by hash.

    They are fetched once for each lock file. RigError with pip's reason when they cannot be had.
    """
    text = lock.read_text()
    folder = cache / f"packages-{python}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="packages-", dir=cache) as name:
        work = Path(name)
        (work / "all.txt").write_text(_MARKER.sub("", text))  # pip would judge them by the Python that it runs in
        draft = work / "packages"
        command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
        target = ["--only-binary=:all:", f"--python-version={python}", "--implementation=cp", *_tags(python, glibc)]
        try:
            run(
                [*command, "--require-hashes", *target, f"--dest={draft}", f"--requirement={work / 'all.txt'}"],
                timeout=300,
            )
        except RigError as error:
            raise RigError(f"the packages of {lock.name} cannot be fetched: {error}") from error
        for file in sorted(draft.iterdir()):
            project = work / "index" / re.sub(r"[-_.]+", "-", file.name.partition("-")[0]).lower()
            project.mkdir(parents=True, exist_ok=True)
            file.rename(project / file.name)
        if not folder.exists():
            (work / "index").rename(folder)
    return folder


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve what `fetch` returned as a package index on 127.0.0.1, where pip asks for no TLS; yield its URL."""
    handler = partial(_Silent, directory=os.fspath(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def _tags(python: str, glibc: int) -> list[str]:
    machine = platform.machine()
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, 4, -1)]
    platforms += [f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1")]
    abis = [f"cp{python.replace('.', '')}", "abi3", "none"]
    return [*(f"--abi={abi}" for abi in abis), *(f"--platform={platform}" for platform in platforms)]


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass
