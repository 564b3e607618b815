"""Docker Compose stacks, called services: the rows behind the API and how one is started.

`schemas` and `endpoints` create and change them, `repository` finds them, `looking` sees their containers, `snapshot` is
the configuration a deployment was asked for with, and `planning` turns it into the plan that runs on the server. The
user's Compose text travels verbatim; what is added stands in a second file (`app.compose.override`).
"""
