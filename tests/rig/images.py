"""Images from what Debian has: a small one around busybox, one with Python, and what those of databases stand on."""

import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.rig.engine import docker
from tests.rig.layers import add_file
from tests.rig.processes import RigError, run

RECIPES = Path(__file__).parent / "images"
BUSYBOX = Path("/bin/busybox")
POSTGRES_ROOT = "postgres-15-bookworm-1.tar"  # count up when how it is made changes
PYTHON_ROOT = "python-3.11-bookworm-1.tar"

# Three quarters of the image that no test looks at; PostgreSQL does without its compiler when that is not there.
LEFT_OUT = (
    "./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*", "./var/lib/postgresql/15", "./etc/postgresql/15",
    "./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*", "./usr/share/perl*", "./usr/share/info/*",
    "./usr/lib/postgresql/15/lib/bitcode", "./usr/lib/postgresql/15/lib/llvmjit*", "./usr/lib/x86_64-linux-gnu/perl/*",
    "*/libLLVM-*", "*/libz3.*", "./dev/*",
)  # fmt: skip


def busybox_image(
    reference: str,
    *,
    files: Mapping[str, str | bytes] | None = None,
    entrypoint: Sequence[str] = ("/entrypoint.sh",),
    command: Sequence[str] = (),
    changes: Sequence[str] = (),
) -> None:
    """Make a small image: busybox, `files` (path to content; those that begin with `#!` are programs), `changes`.

    `changes` are Dockerfile lines (`ENV A="1"`, `USER 1000`, `HEALTHCHECK …`). Without files of its own it serves
    /www/index.html, which says the image's reference, on port 80.
    """
    contents: dict[str, str | bytes] = {
        "/entrypoint.sh": (RECIPES / "web/entrypoint.sh").read_text(),
        "/www/index.html": f"{reference}\n",
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
        "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
        **(files or {}),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        add_busybox(tar)
        for path, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            add_file(tar, path.lstrip("/"), data, 0o755 if data.startswith(b"#!") else 0o644)
    lines = ["ENV PATH=/bin", f"ENTRYPOINT {json.dumps(list(entrypoint))}", *changes]
    if command:
        lines.append(f"CMD {json.dumps(list(command))}")
    docker("import", *_changes(lines), "-", reference, stdin=archive.getvalue())


def add_busybox(tar: tarfile.TarFile) -> None:
    """Add busybox under all its names, and the folders that every system has."""
    for folder in ("tmp", "bin", "root"):
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
        tar.addfile(entry)
    add_file(tar, "bin/busybox", BUSYBOX.read_bytes(), 0o755)
    for applet in run([BUSYBOX, "--list"]).split():
        if applet != "busybox":
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)


def python_image(reference: str, cache: Path) -> None:
    """Make an image with Debian's Python 3.11, called `python` and with venv; from `cache` but for the first time."""
    root = cache / PYTHON_ROOT
    if not root.exists():
        _make_root(root, ["python3", "python3-venv", "python-is-python3"])
    docker("import", *_changes(["ENV LANG=C.UTF-8", 'CMD ["python"]']), str(root), reference)


def make_postgres_root(archive: Path) -> None:
    """Make the archive of Debian with PostgreSQL in it; it takes a minute."""

    def prepare(root: Path) -> None:
        # As the official image has it: reached from other containers, and its socket open to every user in it.
        sample = root / "usr/share/postgresql/15/postgresql.conf.sample"
        sample.write_text(sample.read_text().replace("#listen_addresses = 'localhost'", "listen_addresses = '*'"))

    _make_root(archive, ["postgresql-15"], prepare)


def push(reference: str, environment: Mapping[str, str] | None = None) -> None:
    """Push an image and forget it here, so that whoever wants it has to pull it."""
    docker("push", "--quiet", reference, environment=environment)
    docker("rmi", "--force", reference)


def _make_root(archive: Path, packages: Sequence[str], prepare: Callable[[Path], None] | None = None) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shiplog-rig-", dir=archive.parent) as folder:
        root, draft = Path(folder) / "root", Path(folder) / archive.name
        options = ["--variant=minbase", f"--include={','.join(packages)}"]
        run(["debootstrap", *options, "bookworm", root, *_mirror()], timeout=600)
        if prepare is not None:
            prepare(root)
        excluded = [f"--exclude={pattern}" for pattern in LEFT_OUT]
        run(["tar", "--numeric-owner", *excluded, "-C", root, "-cf", draft, "."])
        draft.rename(archive)


def _mirror() -> list[str]:
    """Return the place this machine has its own packages of that release from, if it is one of it."""
    try:
        lines = run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"])
    except RigError:
        return []
    sites = [line.split() for line in lines.splitlines()]
    return next(([site[0]] for site in sites if site[1:] == ["bookworm"]), [])


def _changes(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for word in ("--change", line)]
