"""PostgreSQL and Valkey from wheels, for `shiplog up`, the demo and the tests: nothing to install, data in one folder.

`postgres` and `valkey` each offer one context manager that starts the server, keeps it running and yields its URL;
`part` is what they share: one owner for a data folder, what a killed run left behind, starting again; `root_home` is
where PostgreSQL lives when root starts it. Nothing else knows of the two wheels. `python -m app.embedded COMMAND…` runs
a command against a throwaway pair.
"""
