"""Telling a team what happened: channels with rules, and deliveries that are tried for a day.

`fanning` turns what the outbox holds into deliveries, one an event and channel; `sending` takes those that are due, by
`webhook` (our own signed JSON) or `by_apprise` (whatever that library speaks). Both only read what deployments left
behind: nothing here can touch one.
"""
