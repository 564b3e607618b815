"""MariaDB, as the official image runs it."""

from collections.abc import Sequence

from app.databases.catalog.mysql_family import CA_PATH, mysql_like
from app.databases.definition import Columns
from app.databases.versions import is_older
from app.models.standalone import StandaloneMariadb


def _client_options(columns: Columns) -> Sequence[str]:
    if columns.get("enable_ssl"):
        return (f"ssl-ca={CA_PATH}", "ssl-verify-server-cert")
    # From 11.4 on the client insists on a certificate it can trust, which a server makes for itself unless told not to.
    return ("disable-ssl-verify-server-cert",)


MARIADB = mysql_like(
    StandaloneMariadb,
    title="MariaDB",
    default_image="mariadb:11",
    server="mariadbd",
    client="mariadb",
    client_options=_client_options,
    url_mode=lambda _columns: "REQUIRED",
    needs_tls=lambda _columns: True,
    cannot_read=is_older,
    dump="mariadb-dump",
)
