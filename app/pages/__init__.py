"""The pages for people: what is deploying, what happened, why it failed. HTML made here, served by the API's process.

A page shows what the API would answer to the token behind the sign-in and nothing more: it looks things up through the same
repositories, and what a button does is the API's own endpoint, called as a function. `rendering` makes every answer,
`signed_in` says who looks, `assets` serves the files in `static/`, `site` puts it all into the application.
"""
