"""Servers that lose what a run needs: reboots, folders deleted, full disks."""

import asyncio
import contextlib
import shutil
import signal
from pathlib import Path

from tests.faults.judge import Expected
from tests.faults.parts import kill_run, marked_processes, send, system
from tests.faults.run import Kind, Run


async def _reboot(run: Run) -> None:
    """End everything at once, and have another boot id stand where the run wrote down its own."""
    await run.moment()
    await asyncio.gather(*(program.kill() for program in run.cell.workers.values()))
    kill_run(run.folder / "meta")
    run.struck()
    for pid in marked_processes(run.uuid):
        send(pid, signal.SIGKILL)
    if any(run.folder.glob("exit.[0-9]*")) or not (run.folder / "meta").exists():  # over, sealed even
        run.counted, run.expected = False, None
    else:
        meta = run.folder / "meta"
        words = meta.read_text().split()
        words[4] = "00000000-0000-4000-8000-000000000000"
        meta.write_text(" ".join(words) + "\n")
    await run.cell.keep_workers()


async def _delete_folder(run: Run) -> None:
    is_attended = run.random.random() < 0.5
    await run.moment()
    if not is_attended:
        await asyncio.gather(*(program.kill() for program in run.cell.workers.values()))
    if any(run.folder.glob("exit.[0-9]*")) or not (run.folder / "out").exists():
        run.counted, run.expected = False, None
    else:
        aside = run.folder.with_name("gone")
        run.folder.rename(aside)  # at once: half of a folder would look like one in which a script never began
        run.struck()
        shutil.rmtree(aside, ignore_errors=True)
    await run.cell.keep_workers()


async def _make_small_disk(run: Run) -> None:
    disk = run.cell.folder / f"disk-{run.name}"
    disk.mkdir()
    system("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk))
    run.data_folder = disk
    run.server = await run.cell.other_server(run.cell.server, disk)


async def _fill_disk(run: Run) -> None:
    await run.moment()
    _fill(run.data_folder / "ballast")
    run.struck()
    row = await run.until_settled()
    # A script that had nothing more to write ends as it would have.
    if row.status == "finished" and (run.side / "last").exists():
        run.counted, run.expected = False, Expected("finished", 0)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while ballast.write(b"\0" * size):
                    pass


async def _remove_disk(run: Run) -> None:
    if run.data_folder == run.cell.data_folder:
        return
    for _ in range(100):
        try:
            system("umount", str(run.data_folder))
        except RuntimeError:
            await asyncio.sleep(0.1)
        else:
            return
    system("umount", "-l", str(run.data_folder))


KINDS = (
    Kind(
        "server: rebooted",
        _reboot,
        expected=Expected("failed", None, "was rebooted during the deployment"),
        is_whole=False,
    ),
    Kind(
        "server: run folder deleted",
        _delete_folder,
        expected=Expected("failed", None, "the run's folder is gone"),
        is_whole=False,
        may_end_early=True,
    ),
    Kind(
        "server: disk full",
        _fill_disk,
        needs_root=True,
        largest=3000,
        prepare=_make_small_disk,
        clean_up=_remove_disk,
        expected=Expected("failed", None, "Step "),
        is_whole=False,
    ),
)
