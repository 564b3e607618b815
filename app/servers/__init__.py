"""Servers and what reaches them: private keys, pinned host keys, validation, and the logins for image registries.

`repository` holds the statements and says how a server is reached (`load_access`), `validation` looks at a server over
SSH and records what it found. The API is in three modules of endpoints under one `router`.
"""
