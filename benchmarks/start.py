"""From `shiplog up` to serving, at the second start and every later one. Sizes from the environment: ROUNDS."""

import asyncio
import os
import signal
import tempfile
import time

from benchmarks.measuring import program, size, spread

ROUNDS = size("ROUNDS", 5)


async def seconds(folder: str) -> float:
    """Start it, stop it again, and return how long it took until it served."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    began = time.perf_counter()
    async with program("-m", "app", "up", "--json", "--port", "0", "--data-dir", folder, env=environment) as process:
        assert process.stdout is not None
        assert await process.stdout.readline()
        took = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
        await process.wait()
    return took


async def measure(folder: str) -> None:
    """Print the figures as the row."""
    first = await seconds(folder)
    later = [await seconds(folder) for _ in range(ROUNDS)]
    print(f"start: {spread(later, ' s', 1)} at the second start and later, {first:.1f} s at the first")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data:
        asyncio.run(measure(f"{data}/shiplog"))
