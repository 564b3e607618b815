"""Redis, as the official image runs it."""

from app.databases.catalog.redis_family import redis_like
from app.databases.definition import Columns
from app.databases.versions import version_of
from app.models.standalone import StandaloneRedis


def _user(columns: Columns) -> str:
    # Users came with 6.0; an older server refuses a login that names one.
    version = version_of(columns["image"])
    return columns["redis_username"] if version is None or version >= (6,) else ""


REDIS = redis_like(
    StandaloneRedis,
    title="Redis",
    default_image="redis:7.2",
    config_path="/usr/local/etc/redis/redis.conf",
    user=_user,
)
