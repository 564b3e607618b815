"""Private keys: read what a person pasted, say clearly what is wrong with it, make a new one; a key is never quoted."""

import re
from dataclasses import dataclass

import asyncssh

from app.remote.errors import InvalidKey

_MOST_CHARACTERS = 64 * 1024
_PUBLIC_KEY = re.compile(r"(ssh-|ecdsa-|sk-|-{4,5} ?BEGIN (SSH2 )?PUBLIC KEY)")


@dataclass(frozen=True)
class KeyPair:
    """What may be shown of a private key: `public_key` as one line, `fingerprint` as `SHA256:…`."""

    public_key: str
    fingerprint: str


def read_private_key(text: str) -> KeyPair:
    """Check a private key and return its public half. Raises InvalidKey; takes up to 0.2 s of CPU for RSA."""
    key = import_key(text, check_rsa=True)
    return KeyPair(public_line(key), fingerprint(key))


def generate_private_key() -> str:
    """Return a new ed25519 private key as OpenSSH PEM."""
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh").decode()


def import_key(text: str, *, check_rsa: bool = False) -> asyncssh.SSHKey:
    """Return the key for a connection. Raises InvalidKey.

    The arithmetic of an RSA key is checked once, when it is stored: it takes 150 to 200 ms each time.
    """
    if len(text) > _MOST_CHARACTERS:
        raise InvalidKey("The private key cannot be read: it is longer than any key.")
    pem = "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"
    if pem.startswith("PuTTY-User-Key-File"):
        raise InvalidKey("This is a PuTTY key: export it in puttygen as an OpenSSH key first.")
    if _PUBLIC_KEY.match(pem):
        raise InvalidKey("This is a public key: give the private key, the file without .pub.")
    try:
        return asyncssh.import_private_key(pem, unsafe_skip_rsa_key_validation=not check_rsa)
    except asyncssh.KeyEncryptionError:
        raise _encrypted() from None
    except asyncssh.KeyImportError as error:
        if "passphrase" in str(error).lower():
            raise _encrypted() from None
        raise _unreadable() from None
    except Exception:
        # Whatever a decoder of ASN.1 or of numbers says about garbage; its text may quote the key.
        raise _unreadable() from None


def public_line(key: asyncssh.SSHKey) -> str:
    """Return the public half as `ssh-ed25519 AAAA…`, without a comment."""
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


def fingerprint(key: asyncssh.SSHKey) -> str:
    """Return `SHA256:…` as `ssh-keygen -l` prints it."""
    return key.get_fingerprint("sha256")


def _encrypted() -> InvalidKey:
    return InvalidKey(
        "The private key is encrypted with a passphrase: give one without (`ssh-keygen -p -N '' -f COPY` removes it)."
    )


def _unreadable() -> InvalidKey:
    return InvalidKey(
        "The private key cannot be read: give the whole file, from `-----BEGIN` to `-----END`, in OpenSSH or PEM format."
    )
