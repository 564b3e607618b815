"""A launch does not mind that the run's folder is there already."""

from app.remote import detached


def apply() -> None:
    """Put the defect in."""
    programs = detached._programs

    def without_lock(*names: str) -> bytes:
        text = programs(*names)
        if "launch" not in names:
            return text
        changed = text.replace(b'mkdir "$folder"', b'mkdir -p "$folder"')
        assert changed != text
        return changed

    setattr(detached, "_programs", without_lock)  # noqa: B010
