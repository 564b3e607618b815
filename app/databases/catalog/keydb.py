"""KeyDB, as its makers' image runs it."""

from app.databases.catalog.redis_family import redis_like
from app.models.standalone import StandaloneKeydb

KEYDB = redis_like(
    StandaloneKeydb,
    title="KeyDB",
    default_image="eqalpha/keydb:latest",
    config_path="/etc/keydb/keydb.conf",
)
