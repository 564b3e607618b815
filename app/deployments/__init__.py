"""The heart: a deployment from its request to its settled log.

In the order of the flow: `deploying` asks, once per `idempotency` key, `queue` makes the row with its `snapshots`, `claim`
takes it under the lock of the server, `dispatcher` holds what one worker runs, `runner` brings a `job` to its end:
`launching` starts its script on the server, `following` reads the script's spools, `lines` makes redacted lines of them,
`log` appends and settles. `cancelling` ends it early. `endpoints` answer the history from `repository` and `reading`,
shaped by `presenting` and `schemas`. `kinds` is what a service and a database deployment differ in.
"""
