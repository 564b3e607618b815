"""The certificate of a database on its server: files, and the step that gives the key to the user it has to belong to.

That user is known to the image alone and the login on the server may not be root, so the image itself is run.
"""

from app.compose.plan import PlannedFile, Step
from app.databases.definition import (
    CA_FILE,
    CERTIFICATE_FILE,
    KEY_AND_CERTIFICATE_FILE,
    KEY_FILE,
    TLS_FOLDER,
    Tls,
)
from app.databases.snapshot import SnapshotTls
from app.remote.command import Command, Raw, Secret, quote

LEFT_BY_TLS = (f"{TLS_FOLDER}/*",)
"""Shell patterns of the files that stay behind when TLS is switched off."""

_KEYS = (KEY_FILE, KEY_AND_CERTIFICATE_FILE)
_IN_THE_CONTAINER = "/tls"


def certificate_files(tls: SnapshotTls) -> tuple[PlannedFile, ...]:
    """Return the files that `place_certificate` moves into place; `prepare_files` must leave them where they are."""
    return (
        PlannedFile(CA_FILE, Secret(tls.authority), 0o644),
        PlannedFile(CERTIFICATE_FILE, Secret(tls.certificate), 0o644),
        PlannedFile(KEY_FILE, Secret(tls.private_key)),
        PlannedFile(KEY_AND_CERTIFICATE_FILE, Secret(tls.private_key + tls.certificate)),
    )


def place_certificate(tls: SnapshotTls, kind: Tls, image: str) -> Step:
    """Return the step that puts the certificate into place; the image is there by then, and nothing was stopped.

    The key changes hands before it is moved: what runs, or is started again by the engine, never finds one that it
    cannot read. Next time it is replaced like any file: the folder around it belongs to the login.
    """
    failure = (
        f"The key could not be given to {kind.key_owner} of the image {image}: "
        "use an image that has this user, or set enable_ssl to false; then deploy again."
    )
    change = _change_owner(kind.key_owner, image, '"type=bind,source=$upload,target=/tls"').reveal()
    files = certificate_files(tls)
    return Step(
        name="Set up TLS",
        shown=str(_change_owner(kind.key_owner, image, f"type=bind,source=./{TLS_FOLDER},target={_IN_THE_CONTAINER}")),
        script="\n".join(
            (
                "# shellcheck disable=SC2016 # a name can have a dollar sign",
                f"printf '%s\\n' {quote(tls.note)}",
                f"mkdir -p {TLS_FOLDER}",
                f"chmod 0755 {TLS_FOLDER}",
                *(f'chmod {file.mode:04o} "$upload"/{file.path}' for file in files),
                f"{change} || {{",
                f"    printf '%s\\n' {quote(failure)} >&2",
                "    exit 1",
                "}",
                *(f'mv -f "$upload"/{file.path} {TLS_FOLDER}/{file.path}' for file in files),
            )
        ),
    )


def _change_owner(owner: str, image: str, mount: str) -> Command:
    """Return the command that gives the keys below a mount to a user of the image; `mount` is quoted already."""
    return Command(
        *("docker", "run", "--rm", "--pull", "never", "--network", "none", "--user", "0:0"),
        *("--entrypoint", "chown", "--mount", Raw(mount), image, owner),
        *(f"{_IN_THE_CONTAINER}/{name}" for name in _KEYS),
    )
