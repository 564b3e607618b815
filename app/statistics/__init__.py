"""Statistics: how deployments end and how long they take, from a daily roll-up that stays when history goes.

`counting` takes each settled deployment in once, `histogram` is how durations are kept, `answering` what the API tells.
"""
