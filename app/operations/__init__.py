"""What else runs tracked on a server: stops and deletes of services and databases, and what is done with one part.

A request leaves a row in `resource_operations` (`asking.py`), a worker claims it (`claim.py`), types the steps that
`planning.py` writes on the server and keeps their redacted output (`runner.py`). A resource has one active operation at
most; it is refused while a deployment of the resource waits or runs, and a deployment asked for later waits for it.
"""
