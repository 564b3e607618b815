"""Private keys: what is accepted, what is said about the rest, and that a key is never quoted."""

import itertools
from contextlib import suppress

import asyncssh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.remote.errors import InvalidKey
from app.remote.keys import generate_private_key, read_private_key

ED25519 = generate_private_key()
EC = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
ENCRYPTED = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBi3O8YX6
1UkSt61UFQnE7UAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIK/E0oLLAdwzkgS8
cvReRsEUnGKF6+4qTPkPnVDpKgs7AAAAkMoT4WrlnfW/GnXAH0tadMjqP0Ru7rMIAKLRqp
lM3J/kvyRTEPJwflhUseRXsvciiUeZ7iyOspCLMZ9hhv4VYH7u2bsJ6zIEdHBZ2JP8l9UO
+1Fh4bTOpjse4jS87dz5RRDxedPGFgyP1wfYGtt/3kms2siaglCDUpKjqJQtUWFpOxFS2V
BH9PUoZFPLjQ+AYw==
-----END OPENSSH PRIVATE KEY-----
"""
RSA = asyncssh.generate_private_key("ssh-rsa", key_size=2048)


def test_a_new_key_reads_as_its_public_half() -> None:
    pair = read_private_key(ED25519)
    kind, encoded = pair.public_key.split()
    assert kind == "ssh-ed25519"
    assert encoded.startswith("AAAA")
    assert pair.fingerprint.startswith("SHA256:")
    assert read_private_key(generate_private_key()) != pair


@pytest.mark.parametrize(
    ("key", "form"),
    [(EC, "openssh"), (EC, "pkcs8-pem"), (RSA, "openssh"), (RSA, "pkcs1-pem"), (RSA, "pkcs8-pem")],
)
def test_every_usual_format_is_read(key: asyncssh.SSHKey, form: str) -> None:
    pair = read_private_key(key.export_private_key(form).decode())
    assert pair.public_key == " ".join(key.export_public_key("openssh").decode().split()[:2])
    assert pair.fingerprint == key.get_fingerprint()


@pytest.mark.parametrize(
    "pasted",
    [
        ED25519.strip(),
        ED25519.replace("\n", "\r\n"),
        "\n\n  " + ED25519.replace("\n", "\n  ") + "\n\n",
        ED25519 + " \n",
    ],
    ids=["stripped", "carriage returns", "indented", "a blank behind it"],
)
def test_what_pasting_does_to_a_key_does_no_harm(pasted: str) -> None:
    assert read_private_key(pasted) == read_private_key(ED25519)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENCRYPTED, "passphrase"),
        (RSA.export_private_key("pkcs1-pem", "pass").decode(), "passphrase"),
        (RSA.export_private_key("pkcs8-pem", "pass").decode(), "passphrase"),
        (read_private_key(ED25519).public_key, "public key"),
        (RSA.export_public_key("pkcs8-pem").decode(), "public key"),
        (RSA.export_public_key("rfc4716").decode(), "public key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen"),
        ("", "cannot be read"),
        ("s3cret", "cannot be read"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\ns3cret\n-----END OPENSSH PRIVATE KEY-----", "cannot be read"),
        ("-----BEGIN RSA PRIVATE KEY-----\nczNjcmV0\n-----END RSA PRIVATE KEY-----", "cannot be read"),
        (ED25519[: len(ED25519) // 2], "cannot be read"),
        ("ключ s3cret \0 🔑", "cannot be read"),
        ("x" * 1_000_000, "longer than any key"),
    ],
    ids=itertools.count(),  # the keys are made anew by each process, and the processes must agree on the names
)
def test_anything_else_is_invalid_and_the_text_says_why(text: str, says: str) -> None:
    with pytest.raises(InvalidKey, match=says) as caught:
        read_private_key(text)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(ED25519) - 1), st.integers(1, 40), st.binary(max_size=40))
def test_a_damaged_key_is_invalid_or_another_key_but_no_crash(start: int, length: int, instead: bytes) -> None:
    damaged = ED25519[:start] + instead.decode("latin-1") + ED25519[start + length :]
    with suppress(InvalidKey):
        read_private_key(damaged)
