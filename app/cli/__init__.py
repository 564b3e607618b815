"""The `shiplog` command.

`commands` and the modules `…_commands` are what can be typed; each command imports what it needs when it is called, so
that `--help` is quick. `up` runs a whole installation from a data folder (`installation`, `data_folder`, `children`,
`migrating`), `demo` uses one through its HTTP API as any client would, `production` holds the single processes, `people`
the first user, members and tokens.

Everything else is a client of any installation: `access` and `contexts` say of which, `client` asks it, `resources` has
the work on each kind of thing, `remote` deploys and follows, `coolify` brings another installation over, `output` prints.
"""

import sys

from app.cli.problem import Problem


def main() -> None:
    """Run the command line; what keeps a command from going on is one line on stderr."""
    from app.cli.commands import application

    try:
        application()
    except Problem as problem:
        print(f"shiplog: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)
