"""Who calls: teams and their members, API tokens, and what each token may do.

An endpoint asks with `Depends(require("read"))` and gets a `Caller`; everything it looks up is inside `caller.team_id`.
"""
