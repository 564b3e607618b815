"""The heart: a deployment from its request to its settled log.

In the order of the flow: `endpoints` ask, `queue` makes the row with its `snapshots`, `claim` takes it under the lock of
the server, `runner` runs the plan on the server, `lines` turns spool bytes into redacted lines, `log` appends, settles
and reads, `sweep` finds what was left over, `repository` answers the history. `kinds` is what a service and a database
deployment differ in; nothing else here asks which of the two it has.
"""
