"""Encryption at rest: Fernet with a list of keys, the first one encrypts, every one decrypts.

A stored value is `{key id}:{fernet token}`, so that rotation finds what an old key wrote without trying them all.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Dialect, Text, TypeDecorator


class DecryptionError(Exception):
    """A stored secret cannot be decrypted with the configured encryption keys: put the key it was written with back."""


class Keyring:
    """The encryption keys of one installation, in the order of `SHIPLOG_ENCRYPTION_KEYS_FILE`."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("At least one encryption key is needed: `shiplog encryption-key` prints a new one.")
        self._fernets = {key_id(key): Fernet(key.encode()) for key in keys}
        self.first = key_id(keys[0])
        """The name of the key that encrypts."""

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._fernets)})"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of all keys, in their order."""
        return tuple(self._fernets)

    def encrypt(self, plain: str) -> str:
        """Return the stored form of `plain`, written with the first key."""
        return f"{self.first}:{self._fernets[self.first].encrypt(plain.encode()).decode()}"

    def decrypt(self, stored: str) -> str:
        """Return the text behind a stored form; raise DecryptionError when no configured key fits."""
        name, _, token = stored.partition(":")
        fernet = self._fernets.get(name)
        if fernet is None:
            raise DecryptionError(f"The value was written with the encryption key {name!r}, which is not configured.")
        try:
            return fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise DecryptionError(f"The value written with the encryption key {name!r} is damaged.") from None


def key_id(key: str) -> str:
    """Return the short public name of a key: the first eight hex digits of its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def new_key() -> str:
    """Return a new Fernet key in its text form."""
    return Fernet.generate_key().decode()


_installed: Keyring | None = None


def install(keyring: Keyring) -> None:
    """Make `keyring` the one that the encrypted columns of this process use."""
    global _installed  # noqa: PLW0603 - column types live at class level and have no other way to a run-time value
    _installed = keyring


def installed() -> Keyring:
    """Return the keyring of this process; raise RuntimeError when start-up has not installed one."""
    if _installed is None:
        raise RuntimeError("No encryption keys are installed: the process must call `encryption.install` at start-up.")
    return _installed


class EncryptedText(TypeDecorator[str]):
    """A text column that only ever holds ciphertext."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Encrypt on the way in; None stays NULL."""
        return None if value is None else installed().encrypt(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Decrypt on the way out."""
        return None if value is None else installed().decrypt(value)


class EncryptedJSON(TypeDecorator[Any]):
    """A JSON document in a text column that only ever holds ciphertext."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Serialise and encrypt on the way in; None stays NULL."""
        return None if value is None else installed().encrypt(json.dumps(value, separators=(",", ":")))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:  # noqa: ARG002
        """Decrypt and parse on the way out."""
        return None if value is None else json.loads(installed().decrypt(value))
