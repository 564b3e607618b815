"""Docker words, pure: what to type on a server and which files to put there, as values that nobody has run yet.

`document` reads the user's Compose text and never rewrites it; `override` makes the second file that holds what we
add; `dotenv` writes the `.env`; `run_options` turns `docker run` options into Compose keys. `commands` builds command
lines, `steps` the named stages both kinds of deployment share, `plan` the value they end up in, and `script` renders a
plan as the one POSIX sh program that the server runs. No session, no network, no clock.
"""
