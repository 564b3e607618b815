"""Shiplog deploys Compose services and standalone databases over SSH and keeps the log of every deployment.

`kit` words without a domain, `models` every table, `remote` a host we can type on, `compose` Docker words, pure,
`auth` teams and tokens, `servers` servers and keys, `projects` projects, environments and variables,
`databases` nine types as definitions, `compose_services` Compose stacks, `operations` stop and delete,
`deployments` the heart: queue, claim, run, log, history, `cli` the `shiplog` command.
Start reading at `deployments/__init__.py`; a request enters at `main.py`, a job at `worker.py`.
"""

__version__ = "0.2.0"
