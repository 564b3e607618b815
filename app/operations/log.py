"""The log of an operation: entries in the shape of a deployment's, redacted before they are kept."""

from app.kit.clock import utcnow
from app.kit.redaction import Redactor
from app.models.log_entry import EntryType, join_entries, log_entry
from app.operations.planning import OperationStep

MOST_LINES = 500
"""Lines kept of one step and stream; a clean-up can name thousands of image layers."""

MOST_CHARACTERS = 8 * 1024
"""Characters kept of one line."""


class OperationLog:
    """Collects the entries of one operation; `text()` is what `resource_operations.logs` stores."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._entries: list[dict[str, object]] = []
        self._batch = 1

    def open_step(self, batch: int, step: OperationStep) -> None:
        """Write the entry that opens a step."""
        self._batch = batch
        self._add(step.name, command=step.shown, name=step.name)

    def output(self, data: bytes, entry_type: EntryType) -> str:
        """Write the lines of a stream and return the last one, redacted; empty when there is none."""
        # No match spans a newline, and the whole text is here: a cut can only come after the redaction.
        redacted = self._redactor.redact(data.decode(errors="replace").replace("\x00", ""))
        lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in redacted.split("\n") if line.strip()]
        for line in lines[:MOST_LINES]:
            self._append(line[:MOST_CHARACTERS], entry_type)
        if len(lines) > MOST_LINES:
            self._append(f"… and {len(lines) - MOST_LINES} more lines.", entry_type)
        return lines[-1].strip()[:MOST_CHARACTERS] if lines else ""

    def note(self, message: str, entry_type: EntryType = "stdout") -> None:
        """Write an entry of Shiplog's own."""
        self._add(message, entry_type)

    def redact(self, text: str) -> str:
        """Return `text` without secrets."""
        return self._redactor.redact(text)

    def text(self) -> str:
        """Return the log as the JSON text of an array."""
        return f"[{join_entries(self._entries)}]"

    def _add(
        self,
        output: str,
        entry_type: EntryType = "stdout",
        *,
        command: str | None = None,
        name: str | None = None,
    ) -> None:
        self._append(self._redactor.redact(output.strip()), entry_type, command=command, name=name)

    def _append(
        self, output: str, entry_type: EntryType, *, command: str | None = None, name: str | None = None
    ) -> None:
        self._entries.append(
            log_entry(
                output,
                type=entry_type,
                timestamp=utcnow(),
                order=len(self._entries) + 1,
                batch=self._batch,
                command=command,
                name=name,
            )
        )
