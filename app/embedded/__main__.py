"""`python -m app.embedded COMMAND…`: run a command against a throwaway PostgreSQL and Valkey, empty and unmigrated."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from app.embedded.postgres import embedded_postgres
from app.embedded.valkey import embedded_valkey
from app.kit import private_file


async def _run(command: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="shiplog-") as folder:
        data_dir = Path(folder)
        async with embedded_postgres(data_dir, durable=False) as database, embedded_valkey(data_dir) as redis:
            environment = dict(os.environ)
            for name, url in (("DATABASE_URL", database), ("REDIS_URL", redis)):
                private_file.write(data_dir / name.lower(), url)
                environment.pop(f"SHIPLOG_{name}", None)
                environment[f"SHIPLOG_{name}_FILE"] = str(data_dir / name.lower())
            process = await asyncio.create_subprocess_exec(*command, env=environment)
            return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(sys.argv[1:])))
