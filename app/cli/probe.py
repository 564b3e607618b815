"""Asking our own API on loopback for a status code, without loading an HTTP library for it."""

import asyncio


async def status_of(port: int, path: str, token: str | None = None) -> int:
    """Return the status of a GET; wait for as long as the listening socket has nobody who answers."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{authorization}Connection: close\r\n\r\n"
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request.encode())
            words = (await reader.readline()).split()
        except ConnectionError:
            words = []
        finally:
            writer.close()
        if len(words) > 1:
            return int(words[1])
        await asyncio.sleep(0.05)  # the process that had taken the connection has ended
