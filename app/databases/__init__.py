"""Standalone databases of nine types, each described by a definition and rendered by one engine.

`definition` is what a type has to say about itself, `catalog` says it, `registry` finds it by the type string. `render`
makes the Compose file of any of them, `planning` the plan that starts it from its `snapshot`. `lookup` finds a database
by its uuid whatever its type; `versions` knows which image can read whose data; `schemas` and `endpoints` are the API,
`page` writes the documentation of the types.
"""
