"""Valkey, as the official image runs it."""

from app.databases.catalog.redis_family import redis_like
from app.models.standalone import StandaloneValkey

VALKEY = redis_like(
    StandaloneValkey,
    title="Valkey",
    default_image="valkey/valkey:9-alpine",
    config_path="/usr/local/etc/valkey/valkey.conf",
    user=lambda columns: columns["valkey_username"],
)
