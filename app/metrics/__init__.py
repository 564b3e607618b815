"""What Shiplog measures of itself, for Prometheus: the instruments, the state that PostgreSQL has, and where both are read.

`instruments` imports nothing of ours, so that every package may count; `state` and `serving` are for the processes.
"""
