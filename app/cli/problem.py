"""The one exception of the command line."""


class Problem(Exception):
    """What keeps a command from going on, in one line for whoever typed it.

    `exit_code` is 1, or 2 when the command was called or configured wrongly.
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code
