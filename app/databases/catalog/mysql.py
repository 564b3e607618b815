"""MySQL, as the official image runs it."""

from collections.abc import Sequence

from app.databases.catalog.mysql_family import CA_PATH, mysql_like
from app.databases.definition import Columns
from app.databases.versions import is_other_major_or_older
from app.models.standalone import StandaloneMysql

_DEFAULT_MODE = "REQUIRED"


def _mode(columns: Columns) -> str:
    mode: str = columns.get("ssl_mode") or _DEFAULT_MODE
    return mode


def _client_options(columns: Columns) -> Sequence[str]:
    if columns.get("enable_ssl"):
        return ("ssl-mode=VERIFY_IDENTITY", f"ssl-ca={CA_PATH}")
    # Only for a server whose own certificate was switched off: it takes a password in the clear from nobody.
    return ("loose-get-server-public-key",)


MYSQL = mysql_like(
    StandaloneMysql,
    title="MySQL",
    default_image="mysql:8",
    server="mysqld",
    client="mysql",
    client_options=_client_options,
    url_mode=_mode,
    needs_tls=lambda columns: _mode(columns) != "PREFERRED",
    cannot_read=is_other_major_or_older,
    dump="mysqldump",
    modes=("PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"),
    default_mode=_DEFAULT_MODE,
)
