"""Deployments under fire: real kills at seeded random moments, and every log compared byte by byte with what was written.

`python -m tests.faults --runs 1000 --seed 7` runs the long set and prints a table; `test_short` is the short one.
`workload` makes the scripts, `expectation` says what their log must be, `cell` holds everything a run needs, `kinds` are
the faults, `mutants` are defects that the suite has to find.
"""
