"""Tags: a team's words for its services and databases, by which several are found and deployed at once.

A tag is a row of its own, so that renaming it renames it everywhere; a second table says what it is on.
"""
