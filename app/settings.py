"""Every setting, read once from the environment; nobody else reads `os.environ`."""

import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kit.secret_names import SECRET_NAME_PATTERN, passwords_in_urls


class Settings(BaseSettings):
    """`SHIPLOG_…` variables. A secret is given as a value (development) or as `…_FILE`, the path of a file with it."""

    model_config = SettingsConfigDict(env_prefix="SHIPLOG_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL, as `postgresql://user:password@host/name`."
    )
    database_url_file: Path | None = None
    redis_url: SecretStr | None = Field(default=None, description="Redis or Valkey, as `redis://:password@host/0`.")
    redis_url_file: Path | None = None
    encryption_keys_file: Path | None = Field(
        default=None, description="A file with one encryption key a line; the first encrypts, every one decrypts."
    )
    pooler: bool = Field(default=False, description="True behind a transaction pooler such as PgBouncer.")
    database_pool_size: int = Field(
        default=10,
        ge=1,
        le=200,
        description="Connections to PostgreSQL that a process keeps; it takes up to nine more when it needs them.",
    )
    worker_capacity: int = Field(default=200, ge=1, description="Runs followed at once by one worker process.")
    log_cap_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1024, description="Stored JSON bytes of one deployment's log."
    )
    lease_seconds: int = Field(
        default=30,
        ge=3,
        description="After so long without a sign of life of its worker, another one takes a deployment over.",
    )
    sweep_seconds: float = Field(default=10, gt=0, description="How often a worker looks for what no wake-up told it.")
    status_seconds: float = Field(default=60, gt=0, description="How often a worker looks at a server's containers.")
    rate_limit: int = Field(
        default=600, ge=0, description="Requests a minute that one API token may make; 0: any number."
    )
    cors_origins: str = Field(
        default="",
        description="Origins whose pages may call the API from a browser, separated by commas; none by default.",
    )
    legacy_get_actions: bool = Field(
        default=False, description="Also accept GET where an action is POST, as older clients of Coolify send it."
    )
    public_url: str = Field(
        default="",
        description="Where people reach Shiplog, such as `https://shiplog.example.com`; begins the links in notifications.",
    )
    allow_private_webhooks: bool = Field(
        default=False, description="Let notifications go to loopback, private and other internal addresses."
    )
    private_webhook_hosts: str = Field(
        default="",
        description="Hosts, separated by commas, that notifications may go to although their addresses are internal.",
    )
    stuck_seconds: int = Field(
        default=1800, ge=60, description="A deployment that runs and logs nothing for so long is told to be stuck."
    )
    root_path: str = Field(default="", description="Path prefix under which a proxy serves the API.")
    metrics_token: SecretStr | None = Field(
        default=None, description="What a request for /metrics brings as its bearer token."
    )
    metrics_token_file: Path | None = None
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="A port of its own for /metrics; none by default."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Where that port listens.")
    tracing: bool = Field(default=False, description="Send OpenTelemetry traces, as the OTEL_… variables say.")
    log_level: str = Field(
        default="INFO", description="What the processes log about themselves: DEBUG, INFO, WARNING, ERROR."
    )
    secret_name_pattern: str = Field(
        default=SECRET_NAME_PATTERN,
        description="Regular expression: a variable whose name it finds something in is redacted though it is not locked.",
    )

    @field_validator("secret_name_pattern")
    @classmethod
    def _is_expression(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"SHIPLOG_SECRET_NAME_PATTERN is not a regular expression: {error}.") from None
        return pattern

    @model_validator(mode="after")
    def _one_source_each(self) -> Self:
        for name in ("database_url", "redis_url", "metrics_token"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"Set SHIPLOG_{name.upper()} or SHIPLOG_{name.upper()}_FILE, not both.")
        return self

    def database(self) -> str:
        """Return the PostgreSQL URL for asyncpg; raise ValueError when it is not configured."""
        url = self._secret("database_url")
        for prefix in ("postgresql://", "postgres://"):
            if url.startswith(prefix):
                return "postgresql+asyncpg://" + url.removeprefix(prefix)
        return url

    def redis(self) -> str:
        """Return the Redis URL; raise ValueError when it is not configured."""
        return self._secret("redis_url")

    def encryption_keys(self) -> list[str]:
        """Return the encryption keys, first one encrypts; raise ValueError when none are configured."""
        if self.encryption_keys_file is None:
            raise ValueError(
                "Set SHIPLOG_ENCRYPTION_KEYS_FILE to a file with one key a line (`shiplog encryption-key` makes one)."
            )
        return [line.strip() for line in self.encryption_keys_file.read_text().splitlines() if line.strip()]

    def metrics_secret(self) -> str | None:
        """Return the token for which the API tells its metrics, None when there is none."""
        if self.metrics_token is None and self.metrics_token_file is None:
            return None
        return self._secret("metrics_token") or None

    def secrets(self) -> list[str]:
        """Return what of the configuration no log may show; what is not configured, or not readable, is left out."""
        found: list[str] = []
        for read in (self.database, self.redis):
            with suppress(ValueError, OSError):
                found += passwords_in_urls(read())
        with suppress(ValueError, OSError):
            found += self.encryption_keys()
        with suppress(ValueError, OSError):
            found += filter(None, [self.metrics_secret()])
        return found

    def _secret(self, name: str) -> str:
        value: SecretStr | None = getattr(self, name)
        if value is not None:
            return value.get_secret_value()
        path: Path | None = getattr(self, f"{name}_file")
        if path is None:
            raise ValueError(f"Set SHIPLOG_{name.upper()} or SHIPLOG_{name.upper()}_FILE.")
        return path.read_text().strip()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
