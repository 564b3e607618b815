"""Who did what: a row for every request that changes something or is shown a stored secret, and the pages of them.

`Recording` stands around every route and is the only place that writes; `endpoints` reads.
"""
