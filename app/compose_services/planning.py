"""How a service is started: files, steps and secrets from its snapshot alone."""

from app.compose import steps
from app.compose.commands import COMPOSE_FILE, OVERRIDE_FILE, ComposeProject
from app.compose.document import ComposeDocument, read_compose, refuse_outside
from app.compose.dotenv import render_dotenv
from app.compose.override import build_override, render_json, resource_labels
from app.compose.plan import DeploymentPlan, PlannedFile, ServerFacts, Step
from app.compose_services.snapshot import ServiceSnapshot
from app.remote.command import Secret


def plan_service_start(snapshot: ServiceSnapshot, facts: ServerFacts) -> DeploymentPlan:  # noqa: ARG001
    """Return the plan that starts a service; raises PlanError for a configuration that cannot be deployed."""
    document = read_compose(snapshot.compose)
    if not snapshot.allow_host_paths:
        refuse_outside(document)
    variables = snapshot.variables()
    files = (
        PlannedFile(COMPOSE_FILE, Secret(snapshot.compose)),
        PlannedFile(OVERRIDE_FILE, Secret(_override(snapshot, document))),
        PlannedFile(".env", Secret(render_dotenv(variables))),
        steps.verify_file(),
        *steps.registry_file(snapshot.registries),
    )
    folder = f"services/{snapshot.uuid}"
    return DeploymentPlan(
        folder=folder,
        files=files,
        steps=_steps(snapshot, document, folder, files),
        secrets=frozenset(snapshot.secrets) | steps.registry_secrets(snapshot.registries),
        deadline_seconds=snapshot.deadline_seconds,
        environment_keys=tuple(variable.key for variable in variables),
    )


def _override(snapshot: ServiceSnapshot, document: ComposeDocument) -> str:
    labels = resource_labels(
        "service",
        uuid=snapshot.uuid,
        name=snapshot.name,
        project=snapshot.project,
        environment=snapshot.environment,
        deployment="",
    )
    network = snapshot.network if snapshot.connect_to_network else None
    override = build_override(document, labels, uuid=snapshot.uuid, network=network, images=snapshot.images)
    # The name of the last file wins, so that both files typed by hand mean the same project as ours.
    return render_json({"name": snapshot.uuid, **override})


def _steps(
    snapshot: ServiceSnapshot, document: ComposeDocument, folder: str, files: tuple[PlannedFile, ...]
) -> tuple[Step, ...]:
    project = ComposeProject(snapshot.uuid, (COMPOSE_FILE, OVERRIDE_FILE))
    latest = snapshot.pull_latest_images
    planned = [steps.check_docker(), steps.prepare_files(folder, files)]
    if snapshot.connect_to_network:
        planned.append(steps.ensure_network(snapshot.network))
    planned.append(steps.validate(project, mounted=() if snapshot.allow_host_paths else document.paths_inside))
    if latest:
        planned.append(steps.pull_latest_images(project, ignore_buildable=document.has_build))
    else:
        built = [service.name for service in document.services if service.has_build]
        planned.append(steps.pull_missing_images(project, built=built))
    if document.has_build:
        planned.append(steps.build_images(project, pull=latest))
    # Last of all before the start: what cannot be pulled or built has stopped nothing.
    if snapshot.stop_before_start:
        planned.append(steps.stop_containers(project))
    if document.has_profiles:
        planned.append(steps.remove_left_out(project))
    planned += [steps.start_containers(project), steps.wait_for_containers(project, snapshot.deadline_seconds)]
    return tuple(planned)
