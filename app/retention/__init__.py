"""Retention: a team's history goes when its policy says so, in small batches beside everything else.

`repository` removes a batch, `pruning` is the round of a worker, `endpoints` the policy, the dry run, and deleting one.
"""
