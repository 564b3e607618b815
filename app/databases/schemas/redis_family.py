"""What Redis, Valkey, KeyDB and Dragonfly take and answer."""

from typing import Literal

from pydantic import Field

from app.databases.fields import FileInBase64, Password
from app.databases.schemas.every_type import DatabaseAnswer, DatabaseCreate, DatabaseFields, TlsFields

_GENERATED = "64 random letters and digits when left out. A change holds from the next start on."


class RedisFields(TlsFields):
    """What can be set on Redis alone."""

    redis_password: Password | None = Field(default=None, description=_GENERATED)
    redis_conf: FileInBase64 | None = Field(default=None, description="`redis.conf` in base64.")


class RedisCreate(RedisFields, DatabaseCreate):
    """Body of `POST /databases/redis`."""


class RedisUpdate(RedisFields, DatabaseFields):
    """What can be changed on a Redis database."""


class RedisAnswer(DatabaseAnswer):
    """A Redis database."""

    database_type: Literal["standalone-redis"] = "standalone-redis"
    redis_username: str = Field(examples=["default"])
    redis_password: str | None = Field(default=None, description="*Sensitive.*")
    redis_conf: str | None = Field(default=None, description="*Sensitive.* As text.")
    enable_ssl: bool


class ValkeyFields(TlsFields):
    """What can be set on Valkey alone."""

    valkey_password: Password | None = Field(default=None, description=_GENERATED)
    valkey_conf: FileInBase64 | None = Field(default=None, description="`valkey.conf` in base64.")


class ValkeyCreate(ValkeyFields, DatabaseCreate):
    """Body of `POST /databases/valkey`."""


class ValkeyUpdate(ValkeyFields, DatabaseFields):
    """What can be changed on a Valkey database."""


class ValkeyAnswer(DatabaseAnswer):
    """A Valkey database."""

    database_type: Literal["standalone-valkey"] = "standalone-valkey"
    valkey_username: str = Field(examples=["default"])
    valkey_password: str | None = Field(default=None, description="*Sensitive.*")
    valkey_conf: str | None = Field(default=None, description="*Sensitive.* As text.")
    enable_ssl: bool


class KeydbFields(TlsFields):
    """What can be set on KeyDB alone."""

    keydb_password: Password | None = Field(default=None, description=_GENERATED)
    keydb_conf: FileInBase64 | None = Field(default=None, description="`keydb.conf` in base64.")


class KeydbCreate(KeydbFields, DatabaseCreate):
    """Body of `POST /databases/keydb`."""


class KeydbUpdate(KeydbFields, DatabaseFields):
    """What can be changed on a KeyDB database."""


class KeydbAnswer(DatabaseAnswer):
    """A KeyDB database."""

    database_type: Literal["standalone-keydb"] = "standalone-keydb"
    keydb_password: str | None = Field(default=None, description="*Sensitive.*")
    keydb_conf: str | None = Field(default=None, description="*Sensitive.* As text.")
    enable_ssl: bool


class DragonflyFields(TlsFields):
    """What can be set on Dragonfly alone."""

    dragonfly_password: Password | None = Field(default=None, description=_GENERATED)


class DragonflyCreate(DragonflyFields, DatabaseCreate):
    """Body of `POST /databases/dragonfly`."""


class DragonflyUpdate(DragonflyFields, DatabaseFields):
    """What can be changed on a Dragonfly database."""


class DragonflyAnswer(DatabaseAnswer):
    """A Dragonfly database."""

    database_type: Literal["standalone-dragonfly"] = "standalone-dragonfly"
    dragonfly_password: str | None = Field(default=None, description="*Sensitive.*")
    enable_ssl: bool
