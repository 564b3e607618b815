"""Why a deployment failed, in one sentence a person understands."""

import signal

from app.deployments.job import Job
from app.remote.detached import (
    DEADLINE_EXIT_CODE,
    FLOOD_EXIT_CODE,
    NO_OUTPUT_EXIT_CODE,
    UNREAD_LIMIT_BYTES,
    RunState,
)


def reason_of(job: Job, step: int, last_error_line: str | None, state: RunState) -> str | None:
    """Return why a run that is over failed, or None when it did not; `step` is the last one that began."""
    if state.kind != "exited":
        return _without_exit_code(job.row.server_name, state)
    if state.exit_code == 0:
        return None
    ended_by_supervisor = {
        DEADLINE_EXIT_CODE: f"Deadline of {job.deadline_seconds} s exceeded; what still ran was killed.",
        NO_OUTPUT_EXIT_CODE: f"No output for {job.no_output_seconds} s; what still ran was killed.",
        FLOOD_EXIT_CODE: "The output came faster than it could be stored: with "
        f"{UNREAD_LIMIT_BYTES // 1024**2} MiB of it on the server's disk the run was stopped.",
    }
    if state.exit_code in ended_by_supervisor:
        return ended_by_supervisor[state.exit_code]
    name = job.steps.rows[step - 1]["name"] if step else "The script"
    by_signal = _signal_of(state.exit_code)
    if last_error_line:
        return f"{name} failed{by_signal}: {last_error_line}{_way_out(last_error_line)}"
    return f"{name} failed with exit code {state.exit_code}{by_signal}."


def _way_out(line: str) -> str:
    """Return what to do about an error whose own words do not say it; nothing for most."""
    if "error setting rlimit" not in line:
        return ""
    return (
        ". The Docker engine of this server may not raise its limits so far: ask for less, with `ulimits` in a Compose "
        "file or, for a database, with custom_docker_run_options such as --ulimit nofile=20000:20000 (open files) or "
        "--ulimit memlock=65536 (locked memory)."
    )


def _without_exit_code(server: str, state: RunState) -> str:
    return {
        "rebooted": f"The server {server} was rebooted during the deployment.",
        "missing": f"The worker was lost and the run's folder is gone from {server}.",
        "stillborn": f"The script could not be started on {server}.",
    }.get(state.kind, f"The run's supervisor on {server} was killed.")


def _signal_of(exit_code: int | None) -> str:
    """Return which signal a shell means by an exit code above 128, if any."""
    try:
        return f" (killed by {signal.Signals((exit_code or 0) - 128).name})"
    except ValueError:
        return ""
