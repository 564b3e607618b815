"""The marker that opens a step on both output streams of a deployment's script."""


def step_marker(nonce: str, number: int) -> bytes:
    r"""Return the bytes that open step `number` (1, 2, …): `\x1e`, nonce, `:`, number, `\x1e\n`.

    The script prints nonce and number from two variables, so that neither the script's text nor `set -x` holds one.
    """
    return b"\x1e%s:%d\x1e\n" % (nonce.encode("ascii"), number)
