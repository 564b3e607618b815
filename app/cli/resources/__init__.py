"""What the command line does with each kind of thing, through the public API alone.

Each function takes the API, where its answer goes, and what was typed; what it returns, if anything, is the exit code.
"""
