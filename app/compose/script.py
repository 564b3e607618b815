"""Rendering a plan as the one POSIX sh program that a server runs."""

from importlib.resources import files

from app.compose.plan import DeploymentPlan, ServerFacts
from app.remote.command import quote

_PRELUDE = files("app.compose").joinpath("sh/prelude.sh").read_text(encoding="utf-8").removeprefix("#!/bin/sh\n")

# Without these the script's own docker would not find its program, its engine, or be found by a cancel.
_KEPT = frozenset(
    {
        "PATH",
        "HOME",
        "DOCKER_HOST",
        "DOCKER_CONFIG",
        "DOCKER_CONTEXT",
        "DOCKER_CERT_PATH",
        "DOCKER_TLS_VERIFY",
        "SSH_AUTH_SOCK",
        "SHIPLOG_RUN",
    }
)

# What an administrator has set for their own Compose projects is none of this one's business.
_FOREIGN = ("COMPOSE_DISABLE_ENV_FILE", "COMPOSE_ENV_FILES", "COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME")


def render_script(plan: DeploymentPlan, facts: ServerFacts, *, run_id: str, epoch: int, nonce: str) -> str:
    """Return the script of a plan, to be run by any POSIX `sh`; it holds no secret and ends with the failed step's code.

    The files of the attempt `epoch` are expected in `{data folder}/runs/{run_id}.{epoch}`. All of it is one group: a
    shell that got only a part of it finds the group unfinished and runs none of it.
    """
    run = f"{facts.data_folder}/runs/{run_id}"
    settings = {
        "nonce": nonce,
        "upload": f"{run}.{epoch}",
        "run": run,
        "folder": f"{facts.data_folder}/{plan.folder}",
        "deadline": str(plan.deadline_seconds),
        "margin": str(_margin(plan.deadline_seconds)),
        "sudo": "sudo -n" if facts.docker_needs_sudo else "",
        "not_inherited": " ".join(f"-u {key}" for key in _not_inherited(plan)),
        "private_config": "no",
    }
    assignments = "\n".join(f"{name}={quote(value)}" for name, value in settings.items())
    steps = "\n".join(
        f"\n# {step.name}\nbegin {number}\n{step.script.strip()}" for number, step in enumerate(plan.steps, start=1)
    )
    return f"#!/bin/sh\n{{\n{assignments}\n\n{_PRELUDE}{steps}\n}}\n"


def _margin(deadline_seconds: int) -> int:
    # The deadline runs from the claim; reaching the server and uploading the files come out of it.
    return max(2, min(30, deadline_seconds // 10))


def _not_inherited(plan: DeploymentPlan) -> list[str]:
    return sorted({*plan.environment_keys, *_FOREIGN} - _KEPT)
