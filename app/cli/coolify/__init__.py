"""Bringing a Coolify over: `reading` asks its API, `planning` says what would be made, `making` makes it through ours.

Nothing is deployed and no data is moved: volumes stay where they are. What is there already, by its name, is left alone,
so that an import that was refused half way can be run again.
"""
