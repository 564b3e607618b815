"""A host we can type on: commands as values, one kept SSH connection per server, runs that survive both ends.

Knows neither Docker nor rows. `command` quotes and masks, `host` says what a host can do, `ssh` is the real one (over
`connection` and its `session`s, logged in by `handshake`, writing files by `upload`), `testing` the shipped fake held to
it by a contract test, `loopback` this machine as a server, `keys` reads and makes private keys, `detached` drives the sh
programs of a run (`framing` finds their answers in what a login shell prints), `errors` is the whole tree of what can go
wrong. The only package that imports asyncssh.
"""
